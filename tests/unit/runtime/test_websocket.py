"""A socket knows what its client has received, and ends though nobody reads."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from homeport.errors import Unavailable
from homeport.runtime import websocket
from homeport.runtime.serving import serve
from homeport.runtime.websocket import received

MEGABYTE = "x" * 2**20

Script = Callable[[WebSocket], Awaitable[None]]


@asynccontextmanager
async def opened(script: Script) -> AsyncIterator[ClientConnection]:
    """Connect to a server that does what is written."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        await script(socket)

    async with (
        serve(application, "127.0.0.1", 0) as port,
        connect(f"ws://127.0.0.1:{port}/", proxy=None, max_size=None) as client,
    ):
        yield client


async def test_what_the_client_has_received_is_known() -> None:
    told: list[str] = []

    async def script(socket: WebSocket) -> None:
        for text in ("one", "two"):
            await socket.send_text(text)
            await received(socket.scope)()
            told.append(text)
        await socket.close()

    async with opened(script) as client:
        assert [text async for text in client] == ["one", "two"]
    assert told == ["one", "two"]


async def test_what_is_only_written_is_not_received() -> None:
    waiting, over = asyncio.Event(), asyncio.Event()

    async def script(socket: WebSocket) -> None:
        await socket.send_text(MEGABYTE)
        receipt = asyncio.create_task(received(socket.scope)())
        waiting.set()
        with pytest.raises(Unavailable):
            await receipt
        over.set()

    async with opened(script) as client:
        client.transport.pause_reading()
        await waiting.wait()
        client.transport.abort()
        await asyncio.wait_for(over.wait(), 20)


async def test_a_socket_that_has_ended_gives_no_receipts() -> None:
    over = asyncio.Event()

    async def script(socket: WebSocket) -> None:
        with pytest.raises(WebSocketDisconnect):
            await socket.receive_text()
        with pytest.raises(Unavailable):
            await received(socket.scope)()
        over.set()

    async with opened(script) as client:
        await client.close()
        await asyncio.wait_for(over.wait(), 20)


async def flood(socket: WebSocket) -> None:
    while True:
        await socket.send_text(MEGABYTE)


async def drain(client: ClientConnection) -> None:
    while True:
        await client.recv()


async def test_it_is_closed_though_the_client_reads_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket, "CLOSE_SECONDS", 0.1)
    closed = asyncio.Event()

    async def script(socket: WebSocket) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(flood(socket), 0.1)
        await socket.close(1011)
        closed.set()

    async with opened(script) as client:
        client.transport.pause_reading()
        await asyncio.wait_for(closed.wait(), 20)
        client.transport.resume_reading()
        with pytest.raises(ConnectionClosed):
            await drain(client)


async def test_a_server_that_ends_closes_with_1012() -> None:
    async def script(socket: WebSocket) -> None:
        with pytest.raises(WebSocketDisconnect):
            await socket.receive_text()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        await script(socket)

    async with serve(application, "127.0.0.1", 0) as port:
        client = await connect(f"ws://127.0.0.1:{port}/", proxy=None)
    with pytest.raises(ConnectionClosed):
        await client.recv()
    assert client.close_code == 1012
