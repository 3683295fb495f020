"""Which replica serves which channel: locks that a lost connection gives back.

PostgreSQL holds the locks for one session and drops them with it. The connection is
not pooled, and must not go through a pooler that shares sessions.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import asyncpg

from homeport.errors import Unavailable
from homeport.runtime.database import ANSWER_SECONDS, reported
from services.notifier.channels.announcements import INTERESTS, heard_of
from services.notifier.channels.channels import Kind
from services.notifier.channels.interests import Interests

_CLAIM = """
    SELECT key FROM unnest($1::text[]) AS key
    WHERE pg_try_advisory_lock(notifier.channel_lock(key))
"""
_RELEASE = "SELECT pg_advisory_unlock(notifier.channel_lock($1))"
_GONE_PEER = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5"} | {
    "tcp_keepalives_count": "3"
}
"""Tells the server to drop us soon when our machine has vanished."""


class Claims:
    """The channels that this replica has claimed, until they are lost."""

    def __init__(self, connection: asyncpg.Connection, kind: Kind) -> None:
        self._connection = connection
        self._heard_of = heard_of(kind)
        self._one = asyncio.Lock()  # the connection takes one statement at a time
        self._changed = asyncio.Event()
        self._lost = asyncio.Event()
        connection.add_termination_listener(lambda _: self._lost.set())

    async def listen(self, interests: Interests) -> None:
        """Hear of changed channels, and of what keys want, from now on."""
        with reported():
            await self._connection.add_listener(
                self._heard_of, lambda *_: self._changed.set()
            )
            await self._connection.add_listener(
                INTERESTS, lambda *heard: interests.forget(heard[-1])
            )
        interests.forget_all()

    async def claim(self, keys: Iterable[str]) -> frozenset[str]:
        """Claim channels of nobody; return those that are now this replica's.

        Claims must not be repeated: PostgreSQL counts them. Raises Unavailable.
        """
        with reported():
            async with self._one:
                rows = await self._connection.fetch(_CLAIM, list(keys))
        return frozenset(row["key"] for row in rows)

    async def release(self, key: str) -> None:
        """Let another replica serve a channel; raise Unavailable."""
        with reported():
            async with self._one:
                await self._connection.execute(_RELEASE, key)

    async def announce(self, key: str) -> None:
        """Tell other replicas that they may claim a channel; raise Unavailable."""
        with reported():
            async with self._one:
                await self._connection.execute(
                    "SELECT pg_notify($1, $2)", self._heard_of, key
                )

    async def changed(self, seconds: float) -> None:
        """Return when a channel has changed, or after some seconds."""
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return
        finally:
            self._changed.clear()

    async def lost(self) -> None:
        """Return when the claims are lost."""
        await self._lost.wait()

    async def check(self) -> None:
        """Raise Unavailable when the claims are lost."""
        if self._lost.is_set():
            raise Unavailable("PostgreSQL", "has closed the connection")


@asynccontextmanager
async def claims(url: str, kind: Kind, interests: Interests) -> AsyncIterator[Claims]:
    """Connect, and listen for changes of channels of a kind; raise Unavailable.

    While it is entered, ``interests`` hears of changes, too. Left: every claim is given
    back.
    """
    with reported():
        connection = await asyncpg.connect(
            url,
            timeout=ANSWER_SECONDS,
            command_timeout=ANSWER_SECONDS,
            server_settings=_GONE_PEER,
        )
    try:
        made = Claims(connection, kind)
        await made.listen(interests)
        yield made
    finally:
        connection.terminate()
