"""Events as tests make and read them."""

from nats.aio.client import Client

from homeport.events import subjects
from homeport.events.cloudevents import Envelope
from homeport.events.facts import FactName
from homeport.names import AccountId, DeviceId

ACCOUNT = AccountId("a" * 32)
DEVICE = DeviceId("d" * 32)


def deregistered(number: int) -> Envelope:
    """Make an event that has nothing special about it."""
    event = f"{DEVICE}.{number}"
    time = "2026-11-24T14:20:05.123456Z"
    body = (
        f'{{"fact":"device.deregistered","id":"{event}","time":"{time}",'
        f'"revision":{number},"account_id":"{ACCOUNT}","device_id":"{DEVICE}",'
        f'"endpoint_name":"urn:dev:1","registration_id":"r"}}'
    )
    return Envelope(
        event, FactName.DEVICE_DEREGISTERED, ACCOUNT, DEVICE, time, body.encode()
    )


async def stored(nats: Client) -> list[str]:
    """Read the ids of all events in the stream, in its order."""
    jetstream = nats.jetstream()
    state = (await jetstream.stream_info(subjects.STREAM)).state
    if not state.messages:
        return []
    messages = [
        await jetstream.get_msg(subjects.STREAM, sequence)
        for sequence in range(state.first_seq, state.last_seq + 1)
    ]
    return [message.headers["ce-id"] for message in messages if message.headers]
