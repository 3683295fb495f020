"""The NATS client, and what nats-py lacks: many messages in one write, and cheap ears.

It reads headers one character after the other, a third of what an event costs whoever
takes it. Those of our publishers are read whole instead.

nats-py checks and encodes a message header by header and wakes its writer for each.
A batch of events is written whole instead, which costs a quarter (docs/adr/0005).

A subscription of nats-py has queues, takes 4 kB, and makes two tasks for each message
that it waits for. An ear is called with what comes, and takes a tenth of that.
"""

from collections.abc import Callable, Sequence
from typing import cast

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import ConnectionClosedError

_FLUSH_SECONDS = 2

Hears = Callable[[Msg], None]
"""Is called with a message that comes; it must be quick."""


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
        await self._flush_pending()

    async def listen(self, subject: str, heard: Hears, *, most: int = 0) -> "Ear":
        """Call ``heard`` with each message of a subject, ``most`` of them; 0: all.

        It is kept over a lost connection, but what comes meanwhile is not heard. Raises
        ConnectionClosedError.
        """
        if self.is_closed:
            raise ConnectionClosedError
        self._sid += 1
        ear = Ear(self._sid, subject, heard, most)
        self._subs[ear.sid] = cast("Subscription", ear)
        await self._send_command(b"SUB %b  %d\r\n" % (subject.encode(), ear.sid))
        if most:
            await self._send_unsubscribe(ear.sid, limit=most)
        else:
            await self._flush_pending()
        return ear

    async def forget(self, ear: "Ear") -> None:
        """Hear nothing any more; harmless where it has heard."""
        if self._subs.pop(ear.sid, None) is not None and not self.is_closed:
            await self._send_unsubscribe(ear.sid)

    async def silence(self, ear: "Ear") -> None:
        """Hear nothing any more, once all that is on its way here has been heard.

        Raises nats-py's TimeoutError where that takes too long.
        """
        try:
            if self.is_connected:
                await self._send_unsubscribe(ear.sid)
                await self.flush(timeout=_FLUSH_SECONDS)
        finally:
            self._subs.pop(ear.sid, None)

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        """Read headers as `encode` writes them; nats-py reads those of others."""
        try:
            lines = raw.decode().split("\r\n")
            return dict(line.split(": ", 1) for line in lines if line)
        except ValueError:
            return super(BusClient, BusClient)._parse_header_lines(raw)


class Ear:
    """A subscription without a queue, as the client looks at it."""

    __slots__ = ("_max_msgs", "_received", "_subject", "set_result", "sid")

    _queue = ""
    _jsi = None
    _wait_for_msgs_task = None
    _message_iterator = None
    _pending_next_msgs_calls = None

    def __init__(self, sid: int, subject: str, heard: Hears, most: int) -> None:
        self.sid = sid
        self.set_result = heard
        self._subject = subject
        self._max_msgs = most
        self._received = 0

    @property
    def _future(self) -> "Ear":
        """Stand where nats-py looks for what waits for the message."""
        return self

    def cancelled(self) -> bool:
        """Say that somebody still listens."""
        return False


def encode(subject: str, headers: str, body: bytes, *, reply: str = "") -> bytes:
    """Encode a message as the server reads it (NATS protocol, HPUB).

    ``headers`` are lines of ASCII, each with its end.
    """
    head = f"NATS/1.0\r\n{headers}\r\n"
    size = len(head) + len(body)
    command = f"HPUB {subject} {reply} {len(head)} {size}\r\n{head}"
    return b"%b%b\r\n" % (command.encode(), body)
