"""CloudEvents 1.0, binary mode: attributes are NATS headers, the body is the fact."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from nats.aio.msg import Msg

from homeport.events.facts import VERSION, FactName
from homeport.events.subjects import subject
from homeport.names import AccountId, DeviceId

MESSAGE_ID = "Nats-Msg-Id"
"""JetStream drops a message whose id it has seen within the duplicate window."""


TRACEPARENT = "ce-traceparent"
"""The trace that an event belongs to (CloudEvents, Distributed Tracing extension)."""


HEADERS: Mapping[str, str] = {
    MESSAGE_ID: "The event's id, by which JetStream drops what it has had.",
    "ce-specversion": "The version of CloudEvents.",
    "ce-id": "The event's id, the same whenever it is repeated.",
    "ce-type": "What happened, and in which version it is told.",
    "ce-source": "The account, as a path.",
    "ce-subject": "The device's id.",
    "ce-time": "When it happened, in UTC.",
    "content-type": "That of the body.",
    TRACEPARENT: "The trace that it belongs to, if it is traced.",
}
"""What `headers` writes."""


class Envelope(NamedTuple):
    """An event on its way to the bus; a tuple, since the edges make one an update.

    ``traceparent`` is the trace that it belongs to, if it is one of the few that do.
    """

    id: str
    fact: FactName
    account: AccountId
    device: DeviceId
    time: str
    body: bytes
    traceparent: str = ""

    @property
    def subject(self) -> str:
        """The NATS subject."""
        return subject(self.account, self.fact)


def headers(envelope: Envelope) -> str:
    """Write the headers of an event, a line each (CloudEvents NATS binding, binary).

    Written as text, since the edges write them for every update.
    """
    traced = envelope.traceparent and f"{TRACEPARENT}: {envelope.traceparent}\r\n"
    return (
        f"{MESSAGE_ID}: {envelope.id}\r\n"
        "ce-specversion: 1.0\r\n"
        f"ce-id: {envelope.id}\r\n"
        f"ce-type: homeport.{VERSION}." + envelope.fact + "\r\n"
        f"ce-source: /accounts/{envelope.account}\r\n"
        f"ce-subject: {envelope.device}\r\n"
        f"ce-time: {envelope.time}\r\n"
        f"content-type: application/json\r\n{traced}"
    )


def traceparents(messages: Iterable[Msg]) -> Iterator[str]:
    """Yield the traces that events belong to, "" where there is none."""
    for message in messages:
        yield (message.headers or {}).get(TRACEPARENT, "")
