"""Serving HTTP: entered means listening, left means drained."""

import asyncio
import socket
import ssl
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from homeport.errors import InvalidConfiguration
from homeport.runtime.platform import https
from homeport.runtime.serving import listen, load_tls, serve


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


async def test_over_tls_it_shows_its_certificate(tmp_path: Path) -> None:
    made = https.establish(tmp_path, "127.0.0.1")
    known = ssl.create_default_context(cafile=made.ca)
    async with (
        serve(hello, "127.0.0.1", 0, tls=load_tls(made.shown, made.shown)) as port,
        httpx.AsyncClient(verify=known) as client,
        httpx.AsyncClient() as stranger,
    ):
        for host in ("127.0.0.1", "localhost"):
            assert (await client.get(f"https://{host}:{port}/")).text == "hello"
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await stranger.get(f"https://127.0.0.1:{port}/")


def test_a_file_that_holds_no_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name in ("none", "empty"):
        with pytest.raises(InvalidConfiguration, match=name):
            load_tls(tmp_path / name, tmp_path / name)


async def test_small_messages_do_not_wait_for_each_other() -> None:
    found = asyncio.get_running_loop().create_future()

    def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted = writer.get_extra_info("socket")
        found.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    listener = listen("127.0.0.1", 0)
    async with await asyncio.start_server(connected, sock=listener):
        _, writer = await asyncio.open_connection(*listener.getsockname())
        assert await found
        writer.close()
