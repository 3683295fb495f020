"""The NATS client, and what nats-py lacks: many messages in one write, and cheap ears.

It reads headers one character after the other, a third of what an event costs whoever
takes it. Those of our publishers are read whole instead.

nats-py checks and encodes a message header by header and wakes its writer for each.
A batch of events is written whole instead, which costs a quarter (docs/adr/0005).

A subscription of nats-py has queues and takes 4 kB. One that only has to hear that
something comes, once, takes a tenth of that.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import ConnectionClosedError


class BusClient(Client):
    """A client of NATS that can write a batch."""

    async def publish_encoded(self, messages: Sequence[bytes]) -> None:
        """Send messages that `encode` has made, in order.

        Raises ConnectionClosedError while there is no connection: what has no
        acknowledgement is repeated by its sender, so nothing is kept for later.
        """
        if not self.is_connected:
            raise ConnectionClosedError
        await self._send_command(b"".join(messages))

    async def listen_once(self, subject: str, heard: Callable[[], None]) -> "Ear":
        """Call ``heard`` when the next message of a subject comes, and never again.

        It is kept over a lost connection, but what comes meanwhile is not heard. Raises
        ConnectionClosedError.
        """
        if self.is_closed:
            raise ConnectionClosedError
        self._sid += 1
        ear = Ear(self._sid, subject, heard)
        self._subs[ear.sid] = cast("Subscription", ear)
        await self._send_command(b"SUB %b  %d\r\n" % (subject.encode(), ear.sid))
        await self._send_unsubscribe(ear.sid, limit=1)
        return ear

    async def forget(self, ear: "Ear") -> None:
        """Hear nothing any more; harmless where it has heard."""
        if self._subs.pop(ear.sid, None) is not None and not self.is_closed:
            await self._send_unsubscribe(ear.sid)

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        """Read headers as `encode` writes them; nats-py reads those of others."""
        try:
            lines = raw.decode().split("\r\n")
            return dict(line.split(": ", 1) for line in lines if line)
        except ValueError:
            return super(BusClient, BusClient)._parse_header_lines(raw)


class Ear:
    """A subscription to one message, as the client looks at it."""

    __slots__ = ("_received", "_subject", "heard", "sid")

    _queue = ""
    _max_msgs = 1
    _jsi = None
    _wait_for_msgs_task = None
    _message_iterator = None
    _pending_next_msgs_calls = None

    def __init__(self, sid: int, subject: str, heard: Callable[[], None]) -> None:
        self.sid = sid
        self.heard = heard
        self._subject = subject
        self._received = 0

    @property
    def _future(self) -> "Ear":
        """Stand where nats-py looks for what waits for the message."""
        return self

    def cancelled(self) -> bool:
        """Say that somebody still listens."""
        return False

    def set_result(self, _: Msg) -> None:
        """Take the message; what it says does not matter."""
        self.heard()


def encode(subject: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Encode a message as the server reads it (NATS protocol, HPUB).

    Names and values are ours: none may hold a line break.
    """
    fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    head = f"NATS/1.0\r\n{fields}\r\n".encode()
    size = len(head) + len(body)
    return b"HPUB %b %d %d\r\n%b%b\r\n" % (
        subject.encode(),
        len(head),
        size,
        head,
        body,
    )
