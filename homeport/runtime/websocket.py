"""WebSockets as uvicorn speaks them, and what it lacks for notifications.

Written is not received: what lies in a socket when its client dies is lost. So an
application may ask, by a ping of its own, for the client to have received all that was
sent before (RFC 6455 §5.5.2); that ping is the keepalive as well, uvicorn's is off.
And a client that reads nothing cannot keep its connection open.
"""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from typing import Any, cast

from starlette.types import Scope
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from homeport.errors import Unavailable

CLOSE_SECONDS = 5.0
"""How long a client may take to read that a socket is closed."""

_EXTENSION = "homeport.received"

Received = Callable[[], Awaitable[None]]
"""Returns once the client has received all that was sent; raises Unavailable when the
connection ends before. One call at a time."""


def received(scope: Scope) -> Received:
    """Return what asks the client of a WebSocket for a receipt."""
    return cast("Received", scope["extensions"][_EXTENSION])


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._asked = 0
        self._receipt: asyncio.Future[None] | None = None
        self._ending: asyncio.TimerHandle | None = None

    def handle_connect(self, event: Request) -> None:
        """Offer receipts to the application."""
        super().handle_connect(event)
        if self.response.status_code == 101:  # noqa: PLR2004 # switching protocols
            extensions = cast("dict[str, object]", self.scope["extensions"])
            extensions[_EXTENSION] = self._received

    def handle_pong(self, event: Frame) -> None:
        """Take a receipt; one that nobody waits for any more says nothing."""
        receipt = self._receipt
        if receipt and not receipt.done() and bytes(event.data) == self._payload():
            receipt.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits for a receipt that there will be none."""
        if self._receipt and not self._receipt.done():
            self._receipt.set_exception(Unavailable("WebSocket", "has ended"))
        if self._ending is not None:
            self._ending.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close with 1012, whether the client reads it or not."""
        super().shutdown()
        self._end_soon()

    async def send(self, message: ASGISendEvent) -> None:
        """Send; a close is not held up by what the client has not read."""
        if message["type"] == "websocket.close":
            self.writable.set()
            self._end_soon()
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            self.handshake_complete = True  # refused, that is: uvicorn takes it amiss

    async def _received(self) -> None:
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise Unavailable("WebSocket", "is closed")
        self._asked += 1
        self._receipt = self.loop.create_future()
        self.conn.send_ping(self._payload())
        self.transport.write(b"".join(self.conn.data_to_send()))
        await self._receipt

    def _payload(self) -> bytes:
        return struct.pack("!Q", self._asked)

    def _end_soon(self) -> None:
        if self._ending is None and not self.disconnected:
            self._ending = self.loop.call_later(CLOSE_SECONDS, self.transport.abort)
