"""The way to a server, which a test can cut and mend."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit


class Line:
    """Relays TCP connections to a server as long as it is not cut."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._relays: set[asyncio.Task[None]] = set()
        self._whole = True
        self._flowing = asyncio.Event()
        self._flowing.set()

    def hold(self) -> None:
        """Keep connections open and carry nothing over them."""
        self._flowing.clear()

    def cut(self) -> None:
        """Break all connections and let no new one through."""
        self._whole = False
        for relay in self._relays:
            relay.cancel()

    def mend(self) -> None:
        """Let connections through again, with what has been held."""
        self._whole = True
        self._flowing.set()

    def connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Take a connection; a relay may be over before it has begun."""
        relay = asyncio.create_task(self._relay(reader, writer))
        self._relays.add(relay)
        relay.add_done_callback(self._relays.discard)
        relay.add_done_callback(lambda _: writer.transport.abort())

    async def close(self) -> None:
        """Break all connections for good."""
        self.cut()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if not self._whole:
            return
        there, back = await asyncio.open_connection(*self._server)
        try:
            ways = [self._copy(reader, back), self._copy(there, writer)]
            tasks = [asyncio.create_task(way) for way in ways]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            back.transport.abort()

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(65_536):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def line(url: str) -> AsyncIterator[tuple[Line, str]]:
    """Yield a line to a server and the URL that leads over it."""
    parts = urlsplit(url)
    made = Line(parts.hostname or "127.0.0.1", parts.port or 0)
    server = await asyncio.start_server(made.connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    user, at, _ = parts.netloc.rpartition("@")
    try:
        yield made, urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{port}"))
    finally:
        server.close()
        await made.close()
