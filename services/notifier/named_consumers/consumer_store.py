"""The named consumers in PostgreSQL, each with its cursor.

All methods raise Unavailable when PostgreSQL is away.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.errors import InvalidParameter
from homeport.names import AccountId
from homeport.runtime.database import reported
from services.notifier.named_consumers import named_consumers
from services.notifier.named_consumers.named_consumers import NamedConsumer, Selection
from services.notifier.schema import consumers
from services.notifier.schema import cursors as cursor_table
from services.notifier.stream import cursors
from services.notifier.transactions import changing


class ConsumerStore:
    """The consumers of all accounts; an account has at most ``most``."""

    def __init__(self, engine: AsyncEngine, *, most: int) -> None:
        self._engine = engine
        self._most = most

    async def get(self, account: AccountId, name: str) -> NamedConsumer | None:
        """Return a consumer, if there is one of this name."""
        query = select(consumers).where(*_named(account, name))
        found = await self._all(query)
        return found[0] if found else None

    async def page(
        self, account: AccountId, *, after: str, most: int
    ) -> list[NamedConsumer]:
        """Return some consumers of an account in the order of their names."""
        return await self._all(
            select(consumers)
            .where(consumers.c.account_id == account, consumers.c.name > after)
            .order_by(consumers.c.name)
            .limit(most)
        )

    async def all(self) -> list[NamedConsumer]:
        """Return the consumers of all accounts."""
        return await self._all(select(consumers))

    async def add(
        self, account: AccountId, name: str, selection: Selection, *, place: int
    ) -> bool:
        """Make a consumer that begins after a place; False where the name is taken.

        Raises InvalidParameter where the account has as many as it may.
        """
        identity = uuid.uuid4().hex
        async with changing(self._engine) as connection:
            made = await connection.execute(
                insert(consumers)
                .values(
                    account_id=account,
                    name=name,
                    id=identity,
                    selection=named_consumers.show(selection),
                    reader="",
                )
                .on_conflict_do_nothing()
            )
            if not made.rowcount:
                return False
            if await _count(connection, account) > self._most:
                raise InvalidParameter("consumers", f"are {self._most} already")
            await cursors.put(connection, identity, account, place)
        return True

    async def change(
        self, account: AccountId, name: str, selection: Selection
    ) -> NamedConsumer | None:
        """Select other facts from now on; return what the consumer was before."""
        async with changing(self._engine) as connection:
            before = await _lock(connection, account, name)
            await connection.execute(
                update(consumers)
                .where(*_named(account, name))
                .values(selection=named_consumers.show(selection), reader="")
            )
        return before

    async def seat(self, consumer: NamedConsumer, reader: str) -> str | None:
        """Let a reader take over; return the one before, None without a consumer."""
        async with changing(self._engine) as connection:
            before = await _lock(connection, consumer.account, consumer.name)
            if before is None or before.id != consumer.id:
                return None
            await connection.execute(
                update(consumers)
                .where(consumers.c.id == consumer.id)
                .values(reader=reader)
            )
        return before.reader

    async def leave(self, consumer: NamedConsumer, reader: str) -> None:
        """Remember that a reader has left, unless another one is newer."""
        async with changing(self._engine) as connection:
            await connection.execute(
                update(consumers)
                .where(consumers.c.id == consumer.id, consumers.c.reader == reader)
                .values(reader="")
            )

    async def remove(self, account: AccountId, name: str) -> NamedConsumer | None:
        """Remove a consumer and its cursor; return what it was."""
        async with changing(self._engine) as connection:
            before = await _lock(connection, account, name)
            if before is None:
                return None
            await connection.execute(
                delete(consumers).where(consumers.c.id == before.id)
            )
            await connection.execute(
                delete(cursor_table).where(cursor_table.c.owner == before.id)
            )
        return before

    async def _all(self, query: Any) -> list[NamedConsumer]:
        with reported():
            async with self._engine.connect() as connection:
                rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
        return [_consumer(row) for row in rows]


async def _lock(
    connection: AsyncConnection, account: AccountId, name: str
) -> NamedConsumer | None:
    query = select(consumers).where(*_named(account, name)).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return _consumer(row) if row else None


async def _count(connection: AsyncConnection, account: AccountId) -> int:
    query = select(func.count()).where(consumers.c.account_id == account)
    return int((await connection.execute(query)).scalar_one())


def _named(account: AccountId, name: str) -> tuple[Any, Any]:
    return consumers.c.account_id == account, consumers.c.name == name


def _consumer(row: Row[Any]) -> NamedConsumer:
    return NamedConsumer(
        id=row.id,
        account=AccountId(row.account_id),
        name=row.name,
        selection=named_consumers.select(row.selection),
        reader=row.reader,
        created_at=row.created_at,
    )
