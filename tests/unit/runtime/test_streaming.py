"""A connection may be cut, however little its client reads."""

import asyncio
from typing import Any

from homeport.runtime.serving import serve
from homeport.runtime.streaming import cut


async def test_a_connection_is_cut_though_nobody_reads_what_is_written() -> None:
    ended = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        body = {"type": "http.response.body", "body": b"." * 65_536, "more_body": True}
        try:
            async with asyncio.timeout(0.2):
                while True:
                    await send(body)
        except TimeoutError:
            cut(scope)
        while (await receive())["type"] != "http.disconnect":
            """Hear that it has ended."""
        ended.set()

    async with serve(app, "127.0.0.1", 0) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
        async with asyncio.timeout(10):
            await ended.wait()
        writer.close()
