"""A client of Server-Sent Events that reads as a browser does (HTML Standard §9.2)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from tests.support.notifier import KEY


@dataclass(frozen=True, slots=True)
class Sent:
    """An event with data."""

    id: str
    data: Any


class Source:
    """What has been read so far: the last id counts, also of events without data."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.last_id = ""
        self.retry = 0
        self._lines = response.aiter_lines()

    async def take(self, count: int) -> list[Sent]:
        """Read so many events."""
        async with asyncio.timeout(20):
            return [await self._event() for _ in range(count)]

    async def until_closed(self) -> None:
        """Read to the end, whatever comes before it."""
        async with asyncio.timeout(20):
            async for line in self._lines:
                self._field(line, [])

    async def _event(self) -> Sent:
        data: list[str] = []
        async for line in self._lines:
            if line:
                self._field(line, data)
            elif data:
                return Sent(self.last_id, orjson.loads("\n".join(data)))
        raise EOFError

    def _field(self, line: str, data: list[str]) -> None:
        name, _, value = line.partition(": ")
        match name:
            case "id":
                self.last_id = value
            case "retry":
                self.retry = int(value)
            case "data":
                data.append(value)


@asynccontextmanager
async def source(
    url: str, name: str, *, key: str = KEY, last_id: str | None = None, **wanted: str
) -> AsyncIterator[Source]:
    """Read for a named consumer while this is entered."""
    headers = {"authorization": f"Bearer {key}", "accept": "text/event-stream"}
    if last_id is not None:
        headers["last-event-id"] = last_id
    async with (
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as client,
        client.stream(
            "GET",
            f"/v2/notification/consumers/{name}/events",
            params=wanted,
            headers=headers,
        ) as response,
    ):
        yield Source(response)
