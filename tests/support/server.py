"""A CoAP server that tests play over a real UDP socket, one datagram at a time."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option, Options, Type

PATIENCE_SECONDS = 10

Address = tuple[str, int]


class Server:
    """One socket; what devices send waits in order."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self._message_id = 0x1000
        host, port = opened.getsockname()
        self.url = f"coap://{host}:{port}"

    async def hear(self, code: Code, *path: str) -> tuple[Message, Address]:
        """Wait for the next message, which must be this."""
        message, address = await self.hear_any()
        assert (message.code, message.path) == (code, path)
        return message, address

    async def hear_any(self) -> tuple[Message, Address]:
        """Wait for the next message."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            datagram, address = await asyncio.get_running_loop().sock_recvfrom(
                self._socket, 65_535
            )
        return codec.decode(datagram), address

    def answer(
        self,
        heard: tuple[Message, Address],
        code: Code,
        *,
        location: tuple[str, ...] = (),
        options: Options = (),
    ) -> None:
        """Answer in the acknowledgement."""
        message, address = heard
        named = tuple((int(Option.LOCATION_PATH), each.encode()) for each in location)
        self._say(
            Message(Type.ACK, code, message.message_id, message.token, named + options),
            address,
        )

    def ask(
        self,
        address: Address,
        code: Code,
        *path: str,
        payload: bytes = b"",
        options: Options = (),
    ) -> None:
        """Send a confirmable request to a device."""
        self._message_id += 1
        named = tuple((int(Option.URI_PATH), segment.encode()) for segment in path)
        said = (*options, *named)
        message = Message(Type.CON, code, self._message_id, b"\x2a", said, payload)
        self._say(message, address)

    def reset(self, heard: tuple[Message, Address]) -> None:
        """Say that a message means nothing here."""
        message, address = heard
        self._say(Message(Type.RST, Code.EMPTY, message.message_id), address)

    def _say(self, message: Message, address: Address) -> None:
        self._socket.sendto(codec.encode(message), address)


@contextmanager
def server() -> Iterator[Server]:
    """Open a port on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.setblocking(False)
        opened.bind(("127.0.0.1", 0))
        yield Server(opened)
