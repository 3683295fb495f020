"""What an edge hears: what the trust view has changed, and what it lost to others."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import orjson
from redis.asyncio.client import PubSub

from homeport.errors import Unavailable
from homeport.names import EdgeId
from homeport.store import keys
from homeport.store.connection import Connection, reaching
from homeport.store.trust_writer import EVERYTHING

SILENCE_SECONDS = 2.0
"""After that long without a message the server is asked whether it is still there."""

RETRY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class News:
    """Names of entries that have changed, and associations that others have now."""

    names: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()


_UNKNOWN = News(names=frozenset({EVERYTHING}))


class TrustChanges:
    """What is new for an edge, for ever.

    After every connection, the first one too, everything may have changed: so nothing
    that was missed matters. What is told twice is harmless to look at twice.
    """

    def __init__(self, connection: Connection, *, edge: EdgeId) -> None:
        self._redis = connection
        self._told = keys.told(edge)

    async def __aiter__(self) -> AsyncIterator[News]:
        while True:
            try:
                async with self._redis.pubsub() as heard:
                    with reaching():
                        await heard.subscribe(self._told, keys.trust_changes())
                    while True:
                        news = await self._next(heard)
                        yield news
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)

    async def _next(self, heard: PubSub) -> News:
        """Wait for news; raise Unavailable where the server has gone."""
        asked = False
        with reaching():
            while True:
                message = await heard.get_message(timeout=SILENCE_SECONDS)
                if message is None:
                    if asked:
                        raise TimeoutError("the server is silent")
                    await heard.ping()
                    asked = True
                    continue
                asked = False
                news = self._read(message["type"], message["channel"], message["data"])
                if news is not None:
                    return news

    def _read(self, kind: str, channel: bytes, content: bytes) -> News | None:
        match kind:
            case "message" if channel == self._told.encode():
                return News(places=frozenset({content.decode()}))
            case "message":
                return News(names=frozenset(orjson.loads(content)))
            case "subscribe" if channel == keys.trust_changes().encode():
                return _UNKNOWN
            case _:
                return None
