"""Serving HTTP: entered means listening, left means drained."""

import asyncio
import socket

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from homeport.errors import InvalidConfiguration
from homeport.runtime.serving import serve


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("hello")(scope, receive, send)


async def test_it_listens_on_a_free_port_while_it_is_entered() -> None:
    async with serve(hello, "127.0.0.1", 0) as port, httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).text == "hello"
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


async def test_a_taken_port_is_named() -> None:
    async with serve(hello, "127.0.0.1", 0) as port:
        with pytest.raises(InvalidConfiguration, match=f"port {port}"):
            async with serve(hello, "127.0.0.1", port):
                pass


async def test_an_answer_under_way_is_given_before_it_is_left() -> None:
    asked, allowed = asyncio.Event(), asyncio.Event()

    async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
        asked.set()
        await allowed.wait()
        await hello(scope, receive, send)

    async with httpx.AsyncClient() as client:
        async with serve(waiting, "127.0.0.1", 0) as port:
            answer = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/"))
            await asked.wait()
            asyncio.get_running_loop().call_later(0.05, allowed.set)
        assert (await answer).text == "hello"
