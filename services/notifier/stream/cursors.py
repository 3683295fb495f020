"""How far channels and named consumers have come in the stream.

What is here is never ahead of what their applications have accepted. All methods raise
Unavailable when PostgreSQL is away.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.names import AccountId
from homeport.runtime.database import among, reported
from services.notifier.schema import channels, consumers, cursors
from services.notifier.transactions import changing

NOTED = timedelta(hours=1)
"""How often it is written down that a cursor still has its owner."""

_ADVANCE = text("""
    UPDATE notifier.cursors
    SET place = told.place, looked = told.place, waiting = 0, used_at = now()
    FROM unnest(CAST(:owners AS text[]), CAST(:places AS bigint[]))
        AS told (owner, place)
    WHERE cursors.owner = told.owner AND cursors.place < told.place
""")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Everything up to a place in the stream is taken.

    ``owner`` is the key of a channel or the id of a named consumer. At the last look
    ``waiting`` events stood after ``place`` and not after ``looked``. ``dropped``
    events left the stream before they were taken, at least.
    """

    owner: str
    account: AccountId
    place: int
    looked: int = 0
    waiting: int = 0
    dropped: int = 0


class Cursors:
    """One row for each owner."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._asked: list[str] = []
        self._reading: asyncio.Task[dict[str, Cursor]] | None = None

    async def get(self, owner: str) -> Cursor | None:
        """Return an owner's cursor, if there is one.

        All who ask in one turn of the loop are answered by one query.
        """
        self._asked.append(owner)
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        return (await asyncio.shield(self._reading)).get(owner)

    async def keys(self) -> frozenset[str]:
        """Return the ids of all keys that have a cursor, with a channel or without."""
        query = select(cursors.c.owner).where(
            ~exists().where(consumers.c.id == cursors.c.owner)
        )
        with reported():
            async with self._engine.connect() as connection:
                return frozenset((await connection.execute(query)).scalars())

    async def page(self, *, after: str, most: int) -> list[Cursor]:
        """Return some cursors in the order of their owners."""
        return await self._all(cursors.c.owner > after, most=most)

    async def begin(self, owner: str, account: AccountId, place: int) -> None:
        """Let an owner begin at a place, unless it has begun; it is in use then."""
        async with changing(self._engine) as connection:
            await put(connection, owner, account, place)

    async def move(self, owner: str, place: int) -> bool:
        """Say that an owner has come to a place, or goes back to it.

        False where there is no such owner. Repeating is harmless.
        """
        async with changing(self._engine) as connection:
            moved = await connection.execute(
                update(cursors).where(cursors.c.owner == owner).values(**_at(place))
            )
        return moved.rowcount > 0

    async def advance(self, places: Mapping[str, int]) -> None:
        """Say that owners have come to places; who is further stays there.

        Nobody waits for a disk: a server that crashes just then may forget it.
        """
        async with changing(self._engine) as connection:
            await connection.execute(text("SET LOCAL synchronous_commit TO off"))
            await connection.execute(
                _ADVANCE,
                {"owners": list(places), "places": list(places.values())},
            )

    async def note(self, before: Cursor, after: Cursor) -> bool:
        """Keep what a look has found, unless the owner has moved meanwhile."""
        async with changing(self._engine) as connection:
            noted = await connection.execute(
                update(cursors)
                .where(
                    cursors.c.owner == before.owner,
                    cursors.c.place == before.place,
                    cursors.c.looked == before.looked,
                )
                .values(
                    place=after.place,
                    looked=after.looked,
                    waiting=after.waiting,
                    dropped=after.dropped,
                )
            )
        return noted.rowcount > 0

    async def forget(self, owners: Collection[str]) -> None:
        """Remove cursors; harmless when repeated."""
        async with changing(self._engine) as connection:
            await connection.execute(delete(cursors).where(cursors.c.owner.in_(owners)))

    async def expire(self, unused: timedelta) -> None:
        """Remove those whose owner has been gone for so long; repeating is harmless.

        To know, it is written down now and then that the others have their owner.
        """
        owned = or_(
            exists().where(channels.c.key_id == cursors.c.owner),
            exists().where(consumers.c.id == cursors.c.owner),
        )
        async with changing(self._engine) as connection:
            await connection.execute(
                update(cursors)
                .where(cursors.c.used_at < func.now() - NOTED, owned)
                .values(used_at=func.now())
            )
            await connection.execute(
                delete(cursors).where(cursors.c.used_at < func.now() - unused, ~owned)
            )

    async def _read(self) -> dict[str, Cursor]:
        await asyncio.sleep(0)
        owners, self._asked, self._reading = self._asked, [], None
        found = await self._all(among(cursors.c.owner, owners))
        return {cursor.owner: cursor for cursor in found}

    async def _all(
        self, condition: ColumnElement[bool], *, most: int | None = None
    ) -> list[Cursor]:
        query = select(cursors).where(condition).order_by(cursors.c.owner).limit(most)
        with reported():
            async with self._engine.connect() as connection:
                rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
        return [_cursor(row) for row in rows]


async def put(
    connection: AsyncConnection, owner: str, account: AccountId, place: int
) -> None:
    """Do what `Cursors.begin` does, together with other changes."""
    await connection.execute(
        insert(cursors)
        .values(owner=owner, account_id=account, dropped=0, **_at(place))
        .on_conflict_do_update(
            index_elements=[cursors.c.owner], set_={"used_at": func.now()}
        )
    )


def _at(place: int) -> dict[str, Any]:
    return {"place": place, "looked": place, "waiting": 0, "used_at": func.now()}


def _cursor(row: Row[Any]) -> Cursor:
    return Cursor(
        owner=row.owner,
        account=AccountId(row.account_id),
        place=row.place,
        looked=row.looked,
        waiting=row.waiting,
        dropped=row.dropped,
    )
