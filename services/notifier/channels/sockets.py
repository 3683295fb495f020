"""The WebSockets of this replica: for each channel the newest, wherever it is (R-115).

A socket that comes writes its id into the channel's row; that is how an older one, on
any replica, hears that it has been taken over. Which replica delivers is a matter of
claims, as with every channel.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import IntEnum

from starlette.websockets import WebSocket as Connection
from starlette.websockets import WebSocketDisconnect

from homeport.errors import Unavailable
from homeport.runtime.tasks import end
from homeport.runtime.websocket import Received, received
from services.notifier.channels import messages
from services.notifier.channels.channels import Channel, Kind, WebSocket
from services.notifier.channels.ledger import Ledger
from services.notifier.channels.messages import Message
from services.notifier.channels.remembered import Remembered
from services.notifier.channels.store import ChannelStore

LOOK_SECONDS = 5.0
"""How often a socket looks whether its API key is still there."""


class Close(IntEnum):
    """Why we close a socket (R-114)."""

    DELETED = 1000
    TAKEN_OVER = 1001
    KEY_GONE = 1008
    FAULT = 1011


class Socket:
    """One open WebSocket; its client has a bounded time for whatever it is sent."""

    def __init__(self, connection: Connection, *, seconds: float) -> None:
        self.id = uuid.uuid4().hex
        self._connection = connection
        self._received: Received = received(connection.scope)
        self._seconds = seconds
        self._one = asyncio.Lock()
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def end(self, code: int) -> None:
        """Have the socket closed; the first reason counts."""
        if not self._ended.done():
            self._ended.set_result(code)

    async def hand_over(self, message: Message) -> bool:
        """Return once the client has a message; raise Unavailable if it never will."""
        await self._reach(messages.build(message).decode())
        return True

    async def run(self, allowed: Callable[[], Awaitable[bool]]) -> int:
        """Serve until the client or somebody here ends it; return the close code.

        ``allowed`` says whether the API key is still there; it raises Unavailable.
        """
        tending = asyncio.create_task(self._tend(allowed))
        try:
            code = await self._read()
        finally:
            await end(tending)
        return code if tending.cancelled() else tending.result()

    async def _read(self) -> int:
        """Pass over what the client says until it leaves."""
        while True:
            message = await self._connection.receive()
            if message["type"] == "websocket.disconnect":
                return int(message["code"])

    async def _tend(self, allowed: Callable[[], Awaitable[bool]]) -> int:
        """See that client and key are there until it is to end; close it then."""
        clock = asyncio.get_running_loop().time
        look_at, ping_at = clock() + LOOK_SECONDS, clock() + self._seconds
        while not self._ended.done():
            pause = max(0.0, min(look_at, ping_at) - clock())
            await asyncio.wait([self._ended], timeout=pause)
            if not self._ended.done() and clock() >= ping_at:
                await self._ping()
                ping_at = clock() + self._seconds
            if not self._ended.done() and clock() >= look_at:
                if await _is_gone(allowed):
                    self.end(Close.KEY_GONE)
                look_at = clock() + LOOK_SECONDS
        code = self._ended.result()
        if code == Close.DELETED and await _is_gone(allowed):
            code = Close.KEY_GONE
        with suppress(WebSocketDisconnect, RuntimeError):
            await self._connection.close(code)
        return code

    async def _ping(self) -> None:
        """See that the client is there, also when nothing happens."""
        try:
            await self._reach()
        except Unavailable:
            self.end(Close.FAULT)

    async def _reach(self, text: str | None = None) -> None:
        """Send, and wait for the client to have received it; raise Unavailable."""
        async with self._one:
            try:
                async with asyncio.timeout(self._seconds):
                    if text is not None:
                        await self._connection.send_text(text)
                    await self._received()
            except TimeoutError as error:
                self.end(Close.FAULT)
                raise Unavailable("WebSocket", "is not read in time") from error
            except (WebSocketDisconnect, RuntimeError) as error:
                raise Unavailable("WebSocket", "has ended") from error


async def _is_gone(allowed: Callable[[], Awaitable[bool]]) -> bool:
    """Say whether a socket's key has gone, as far as that can be known."""
    try:
        return not await allowed()
    except Unavailable:
        return False


class Sockets:
    """The open sockets by their keys."""

    def __init__(self, stored: ChannelStore, ledger: Ledger) -> None:
        self._remembered = Remembered(stored, Kind.WEB_SOCKET)
        self._ledger = ledger
        self._open: dict[str, Socket] = {}

    async def seat(self, key_id: str, socket: Socket) -> bool:
        """Say that a socket is a channel's newest; False where there is no channel."""
        return await self._ledger.seat(key_id, socket.id)

    async def add(self, key_id: str, socket: Socket) -> None:
        """Let a socket that has its seat be served; its older ones end.

        While PostgreSQL is away, other replicas hear of it later.
        """
        if older := self._open.get(key_id):
            older.end(Close.TAKEN_OVER)
        self._open[key_id] = socket
        with suppress(Unavailable):
            await self._ledger.tell(key_id)

    async def discard(self, key_id: str, socket: Socket) -> None:
        """Forget a socket that has closed.

        Its id may stay in the row while PostgreSQL is away: nobody serves it.
        """
        if self._open.get(key_id) is socket:
            del self._open[key_id]
        with suppress(Unavailable):
            await self._ledger.leave(key_id, socket.id)

    def of(self, channel: Channel) -> Socket | None:
        """Return the socket of a channel that was `wanted`, unless it has closed."""
        return self._open.get(channel.key_id)

    async def wanted(self) -> list[Channel]:
        """Return the channels whose newest socket is here; end the other sockets."""
        seen = dict(self._open)
        if not seen:
            return []
        channels = await self._remembered.read(seen.keys())
        found = {each.key_id: each for each in channels}
        wanted = []
        for key_id, socket in seen.items():
            channel = found.get(key_id)
            if channel is None:
                socket.end(Close.DELETED)
            elif channel.way != WebSocket(socket.id):
                socket.end(Close.TAKEN_OVER)
            else:
                wanted.append(channel)
        await self._ledger.used(seen.keys())
        return wanted
