"""Events as tests make and read them."""

from nats.aio.client import Client
from nats.js.api import RawStreamMsg

from homeport.events import facts, subjects
from homeport.events.cloudevents import Envelope
from homeport.events.facts import AnyFact, FactName
from homeport.names import AccountId, DeviceId

ACCOUNT = AccountId("a" * 32)
DEVICE = DeviceId("d" * 32)


def deregistered(number: int, *, device: DeviceId = DEVICE) -> Envelope:
    """Make an event that has nothing special about it."""
    event = f"{device}.{number}"
    time = "2026-11-24T14:20:05.123456Z"
    body = (
        f'{{"fact":"device.deregistered","id":"{event}","time":"{time}",'
        f'"revision":{number},"account_id":"{ACCOUNT}","device_id":"{device}",'
        f'"endpoint_name":"urn:dev:1","registration_id":"r"}}'
    )
    return Envelope(
        event, FactName.DEVICE_DEREGISTERED, ACCOUNT, device, time, body.encode()
    )


async def stored(nats: Client) -> list[str]:
    """Read the ids of all events in the stream, in its order."""
    messages = await _messages(nats)
    return [message.headers["ce-id"] for message in messages if message.headers]


async def facts_stored(nats: Client) -> list[AnyFact]:
    """Read all events in the stream, in its order."""
    messages = await _messages(nats)
    return [facts.parse(message.data or b"") for message in messages]


async def text_stored(nats: Client) -> str:
    """Read all that the events in the stream say, headers and bodies."""
    messages = await _messages(nats)
    return "\n".join(f"{message.headers} {message.data!r}" for message in messages)


async def _messages(nats: Client) -> list[RawStreamMsg]:
    jetstream = nats.jetstream()
    state = (await jetstream.stream_info(subjects.STREAM)).state
    if not state.messages:
        return []
    return [
        await jetstream.get_msg(subjects.STREAM, sequence)
        for sequence in range(state.first_seq, state.last_seq + 1)
    ]
