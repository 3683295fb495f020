"""A webhook receiver that records what it is given and answers as it is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

import orjson

from tests.support.polling import until

Message = Mapping[str, list[Any]]


class Never(Enum):
    """Answers that are none."""

    HANG = "hang"
    CLOSE = "close"
    ENDLESS = "endless"


HANG, CLOSE, ENDLESS = Never.HANG, Never.CLOSE, Never.ENDLESS


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Webhook:
    """Accepts everything until ``answer`` says otherwise."""

    def __init__(self) -> None:
        self.answer: int | Never = 204
        self.redirect = ""
        self.calls: list[Call] = []
        self.accepted: list[Message] = []
        self.url = ""

    async def until_items(self, count: int, *, seconds: float = 20) -> list[Any]:
        """Wait until so many items are accepted; return them in order."""

        async def enough() -> bool:
            return len(self.items()) >= count

        await until(enough, seconds=seconds)
        return self.items()

    async def until_calls(self, count: int) -> None:
        """Wait for so many calls, accepted or not."""

        async def enough() -> bool:
            return len(self.calls) >= count

        await until(enough)

    def items(self) -> list[Any]:
        """Return the items of all accepted messages in order."""
        return [
            item
            for message in self.accepted
            for items in message.values()
            for item in items
        ]

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one connection."""
        try:
            while call := await _read(reader):
                self.calls.append(call)
                if not await self._answer(call, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, call: Call, writer: asyncio.StreamWriter) -> bool:
        answer = self.answer
        if answer is HANG:
            await asyncio.Event().wait()
        if answer is CLOSE:
            return False
        if answer is ENDLESS:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n")
            while True:
                writer.write(bytes(65_536))
                await writer.drain()
        if answer in (200, 204):
            self.accepted.append(orjson.loads(call.body))
        location = f"location: {self.redirect}\r\n" if self.redirect else ""
        length = "" if answer == 204 else "content-length: 0\r\n"
        writer.write(
            f"HTTP/1.1 {answer} Answer\r\n{location}{length}"
            "set-cookie: secret=1; Path=/\r\n\r\n".encode()
        )
        await writer.drain()
        return True


@asynccontextmanager
async def webhook(*, tls: ssl.SSLContext | None = None) -> AsyncIterator[Webhook]:
    """Serve a webhook on a free port of loopback."""
    made = Webhook()
    connections: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(made.serve(reader, writer))
        connections.add(connection)
        connection.add_done_callback(connections.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    scheme = "https" if tls else "http"
    made.url = f"{scheme}://127.0.0.1:{port}/notifications"
    try:
        yield made
    finally:
        server.close()
        open_ = list(connections)
        for connection in open_:
            connection.cancel()
        await asyncio.gather(*open_, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Call | None:
    line = await reader.readline()
    if not line:
        return None
    method, path, _ = line.decode().split()
    headers: dict[str, str] = {}
    while header := (await reader.readline()).decode().strip():
        name, _, value = header.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Call(method, path, headers, body)
