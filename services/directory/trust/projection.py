"""The trust view in Redis is brought up to what PostgreSQL holds.

Whoever changes a credential writes that down in the same transaction
(`services.directory.trust.changes`) and calls `Projection.settle` before it answers.
What is written down is forgotten only when it is in the view, so a crash or an outage
in between is made good by whoever comes next. One replica at a time writes, and it
reads after its turn has come: no older state ever overwrites a newer one.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import orjson
from sqlalchemy import (
    Float,
    Row,
    cast,
    delete,
    exists,
    extract,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.keyring import Keyring
from homeport.names import AccountId
from homeport.pki import installation
from homeport.runtime.database import reported
from homeport.store.connection import Connection
from homeport.store.entries import Entry
from homeport.store.memberships import Memberships
from homeport.store.trust import Grant, TrustView
from homeport.store.trust_contents import Content, contents
from homeport.store.trust_writer import TrustWriter
from services.directory import observability
from services.directory.accounts.accounts import ACTIVE
from services.directory.credentials import authorities, authority_store
from services.directory.credentials.former_authorities import remembered
from services.directory.devices import grouping, standing
from services.directory.devices.grouping import Grouping
from services.directory.devices.standing import Standing
from services.directory.schema import api_keys, trust_changes
from services.directory.trust import entries, queries, rewriting
from services.directory.trust.changes import Change, Kind
from services.directory.trust.generations import Generations
from services.directory.trust.queries import Build
from services.directory.trust.rewriting import Put

EDITION = 3
"""Changes when entries are written in another way: the view is written again then."""

_TURN = 0x486F6D6554727573
"""Any number: the lock of who writes the trust view."""
_REWRITE = _TURN + 1
"""The lock of who writes all of it."""

_KNOWN = trust_changes.c.kind.in_([kind.value for kind in Kind])
"""A newer replica may write down changes of other kinds."""

_DELAY = cast(
    extract("epoch", func.clock_timestamp() - trust_changes.c.recorded_at), Float
)
"""Seconds since a change was written down."""

Contents = Callable[[], AsyncIterator[Sequence[Content]]]


class Projection:
    """Writes the trust view; all raise Unavailable."""

    def __init__(
        self,
        engine: AsyncEngine,
        view: TrustView,
        writer: TrustWriter,
        keyring: Keyring,
        *,
        standing: Standing,
        grouping: Grouping,
        contents: Contents,
    ) -> None:
        self._generations = Generations(view)
        self._contents = contents
        self._standing = standing
        self._grouping = grouping
        self._engine = engine
        self._view = view
        self._writer = writer
        self._keyring = keyring

    async def settle(self) -> int:
        """Write what has changed until nothing is left; return how many changes.

        All that was written down before the call is in the view after it. What a newer
        replica alone knows to be written down is left to that one.
        """
        settled = 0
        while await self._is_pending():
            async with self._turn() as connection:
                found = await connection.execute(
                    select(trust_changes)
                    .where(_KNOWN)
                    .order_by(trust_changes.c.number)
                    .limit(rewriting.BATCH)
                )
                rows = found.all()
                await self._bring(connection, [_change(row) for row in rows])
                if rows:
                    await self._generations.advance(connection)
                numbers = [row.number for row in rows]
                delays = await connection.scalars(
                    delete(trust_changes)
                    .where(trust_changes.c.number.in_(numbers))
                    .returning(_DELAY)
                )
                observability.record_trust_told(delays.all())
            settled += len(rows)
        return settled

    async def keep(self) -> bool:
        """Write all of the view if Redis has lost it, or some of it; say so.

        It is known by a fingerprint that goes with it, and by its generation. A replica
        that finds another at work leaves it to that one; API keys are few and written
        by both.
        """
        async with self._turn() as connection:
            if await self._is_whole(connection):
                return False
            await self._put_api_keys(await connection.execute(select(api_keys)))
        with reported():
            async with self._engine.begin() as connection:
                if not await connection.scalar(
                    select(func.pg_try_advisory_xact_lock(_REWRITE))
                ):
                    return False
                await self._rewrite()
        return True

    async def _is_whole(self, connection: AsyncConnection) -> bool:
        fingerprint = await _fingerprint(connection)
        return await self._view.matches(fingerprint) and await self._generations.agree(
            connection
        )

    async def _rewrite(self) -> None:
        """Remove what is not true, put what is, and say that the view is whole then."""
        async with self._turn() as connection:
            if await self._is_whole(connection):
                return
            word = await self._generations.begin(connection)
            await self._put_authority(connection)
        await self._sweep()
        await self._put_all()
        async with self._turn() as connection:
            await self._generations.finish(connection, word)
            fingerprint = await _fingerprint(connection)
        await self._view.put_fingerprint(fingerprint)

    async def _sweep(self) -> None:
        """Remove what PostgreSQL does not know, looking at some hundreds a turn."""
        async for found in self._contents():
            async with self._turn() as connection:
                changes = [entries.change_of(content) for content in found]
                now = await self._find(connection, changes)
                gone = await self._remove(changes, now)
                await self._writer.put([entry for entry in now if entry.name in gone])
                await self._bring_others(connection, changes)
        async for marked in self._standing.suspended():
            async with self._turn() as connection:
                await self._standing.review(connection, marked)

    async def _put_all(self) -> None:
        put_all = partial(rewriting.put_all, self._turn)
        for query, key, build in queries.everything():
            await put_all(query, key, self._putting(build))
        await put_all(standing.SUSPENDED, standing.ORDER, self._standing.put)
        await put_all(grouping.ALL, grouping.ORDER, self._grouping.put)

    async def _bring(
        self, connection: AsyncConnection, changes: Sequence[Change]
    ) -> None:
        """Make the view say of changed things what PostgreSQL says now."""
        now = await self._find(connection, changes)
        await self._remove(changes, now)
        await self._writer.put(now)
        await self._bring_others(connection, changes)
        if any(change.kind is Kind.AUTHORITY for change in changes):
            await self._put_authority(connection)

    async def _find(
        self, connection: AsyncConnection, changes: Sequence[Change]
    ) -> list[Entry]:
        """Make the entries that changed things have now."""
        now: list[Entry] = []
        for query, build in queries.about(changes):
            now += self._built((await connection.execute(query)).all(), build)
        return now

    async def _remove(
        self, changes: Iterable[Change], now: Iterable[Entry]
    ) -> frozenset[str]:
        """Remove entries that changed things have no more; return their names."""
        there = {entries.place_of(entry) for entry in now}
        was = [entry for change in changes if (entry := entries.of_change(change))]
        gone = [entry for entry in was if entries.place_of(entry) not in there]
        await self._writer.remove(gone)
        return frozenset(entry.name for entry in gone)

    async def _bring_others(
        self, connection: AsyncConnection, changes: Sequence[Change]
    ) -> None:
        """Tell of what has no entry like others."""
        await self._bring_api_keys(connection, changes)
        standing_now = await connection.execute(standing.query(changes))
        await self._standing.put(standing_now.all())
        await self._grouping.bring(connection, changes)

    async def _bring_api_keys(
        self, connection: AsyncConnection, changes: Sequence[Change]
    ) -> None:
        wanted = {
            change.id: change.place for change in changes if change.kind is Kind.API_KEY
        }
        if not wanted:
            return
        found = await connection.execute(
            select(api_keys).where(api_keys.c.id.in_(wanted))
        )
        rows = found.all()
        for identity in wanted.keys() - {row.id for row in rows}:
            await self._view.remove_api_key(wanted[identity], identity)
        await self._put_api_keys(rows)

    async def _put_api_keys(self, rows: Iterable[Row[Any]]) -> None:
        for row in rows:
            if row.status == ACTIVE:
                grant = Grant(row.id, AccountId(row.account_id), row.role)
                await self._view.put_api_key(row.digest, grant)
            else:
                await self._view.remove_api_key(row.digest, row.id)

    async def _put_authority(self, connection: AsyncConnection) -> None:
        kept = await authority_store.read(connection, self._keyring)
        shown = remembered(
            authorities.installation(kept),
            await authority_store.read_former(connection),
        )
        await self._writer.put_authority(installation.build(shown))

    def _putting(self, build: Build) -> Put:
        async def put(rows: Sequence[Row[Any]]) -> None:
            await self._writer.put(self._built(rows, build))

        return put

    def _built(self, rows: Iterable[Row[Any]], build: Build) -> list[Entry]:
        return [entry for row in rows for entry in build(row, self._keyring)]

    async def _is_pending(self) -> bool:
        with reported():
            async with self._engine.connect() as connection:
                pending = select(exists().select_from(trust_changes).where(_KNOWN))
                return bool(await connection.scalar(pending))

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[AsyncConnection]:
        """Entered: nobody else writes the view. Left: it is committed."""
        with reported():
            async with self._engine.begin() as connection:
                await connection.execute(select(func.pg_advisory_xact_lock(_TURN)))
                yield connection


def projecting(
    engine: AsyncEngine, redis: Connection, keyring: Keyring, *, buckets: int
) -> Projection:
    """Make a projection of what PostgreSQL holds into Redis."""
    return Projection(
        engine,
        TrustView(redis),
        TrustWriter(redis, keyring),
        keyring,
        standing=Standing(redis, buckets=buckets),
        grouping=Grouping(Memberships(redis)),
        contents=partial(contents, redis),
    )


async def _fingerprint(connection: AsyncConnection) -> str:
    """Say which view this is: of which installation, and written in which way."""
    made = await authority_store.made_at(connection)
    return hashlib.sha256(orjson.dumps([made, EDITION])).hexdigest()


def _change(row: Row[Any]) -> Change:
    return Change(Kind(row.kind), row.account_id, row.id, row.place)
