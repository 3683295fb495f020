"""A CoAP peer that tests play over a real UDP socket, one datagram at a time."""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option, Options, Type

PATIENCE_SECONDS = 10


class Peer:
    """One socket; what is heard waits in order."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self._message_id = 0x1000

    def say(self, datagram: bytes, url: str) -> None:
        """Send a datagram to a server."""
        parts = urlsplit(url)
        self._socket.sendto(datagram, (parts.hostname, parts.port))

    async def hear(self) -> bytes:
        """Wait for the next datagram."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await asyncio.get_running_loop().sock_recv(self._socket, 65_535)

    async def ask(
        self,
        url: str,
        code: Code,
        path: Sequence[str],
        *,
        queries: Sequence[str] = (),
        options: Options = (),
        payload: bytes = b"",
        message_id: int | None = None,
    ) -> Message:
        """Send a confirmable request and wait for its answer."""
        datagram = self.request(
            code,
            path,
            queries=queries,
            options=options,
            payload=payload,
            message_id=message_id,
        )
        self.say(datagram, url)
        return codec.decode(await self.hear())

    def request(
        self,
        code: Code,
        path: Sequence[str],
        *,
        queries: Sequence[str] = (),
        options: Options = (),
        payload: bytes = b"",
        message_id: int | None = None,
    ) -> bytes:
        """Encode a confirmable request."""
        if message_id is None:
            self._message_id += 1
            message_id = self._message_id
        named = [(int(Option.URI_PATH), segment.encode()) for segment in path]
        asked = [(int(Option.URI_QUERY), query.encode()) for query in queries]
        ordered = sorted([*named, *options, *asked], key=lambda pair: pair[0])
        return codec.encode(
            Message(Type.CON, code, message_id, b"\x2a", tuple(ordered), payload)
        )

    async def hears_nothing(self, url: str) -> bool:
        """Say whether all that was said before stays unanswered.

        A De-register of what is not registered goes the same way, behind whatever came
        before it, and is always answered.
        """
        unknown = self.request(Code.DELETE, ("rd", "0" * 48), message_id=0xFFFF)
        self.say(unknown, url)
        return (await self.hear())[2:4] == b"\xff\xff"


@contextmanager
def peer() -> Iterator[Peer]:
    """Open a socket on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.setblocking(False)
        opened.bind(("127.0.0.1", 0))
        yield Peer(opened)
