"""A CoAP server behind a secured port that tests play, one message at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option, Type
from homeport.coap.transport import Arrival
from homeport.dtls.context import CertifiedKey
from homeport.dtls.live import Live
from homeport.dtls.transport import DtlsTransport
from tests.support import secured
from tests.support.secured import Trusting

PATIENCE_SECONDS = 10

Heard = tuple[Message, Live]


class SecuredServer:
    """One port; what devices say waits in order."""

    def __init__(self, transport: DtlsTransport) -> None:
        self.transport = transport
        self._arrived: asyncio.Queue[Arrival[Live]] = asyncio.Queue()
        self._message_id = 0x1000
        host, port = transport.address[:2]
        self.url = f"coaps://{host}:{port}"
        transport.start(self._receive)

    async def hear(self, code: Code, *path: str) -> Heard:
        """Wait for the next message, which must be this."""
        message, peer = await self.hear_any()
        assert (message.code, message.path) == (code, path)
        return message, peer

    async def hear_any(self) -> Heard:
        """Wait for the next message."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            arrival = await self._arrived.get()
        return codec.decode(arrival.message), arrival.peer

    def answer(
        self, heard: Heard, code: Code, *, location: tuple[str, ...] = ()
    ) -> None:
        """Answer in the acknowledgement."""
        message, peer = heard
        named = tuple((int(Option.LOCATION_PATH), each.encode()) for each in location)
        self._say(
            Message(Type.ACK, code, message.message_id, message.token, named), peer
        )

    def ask(self, peer: Live, code: Code, *path: str, payload: bytes = b"") -> None:
        """Send a confirmable request to a device."""
        self._message_id += 1
        named = tuple((int(Option.URI_PATH), segment.encode()) for segment in path)
        self._say(
            Message(Type.CON, code, self._message_id, b"\x2a", named, payload), peer
        )

    def _say(self, message: Message, peer: Live) -> None:
        self.transport.send([(codec.encode(message), peer)])

    def _receive(self, arrivals: Sequence[Arrival[Live]], _: float) -> None:
        for arrival in arrivals:
            self._arrived.put_nowait(arrival)


@asynccontextmanager
async def secured_server(
    redis_url: str, trust: Trusting, *, certified: CertifiedKey | None = None
) -> AsyncIterator[SecuredServer]:
    """Open a secured port on loopback; it is killed when it is left."""
    async with secured.port(redis_url, trust, certified=certified) as opened:
        yield SecuredServer(opened.transport)
