"""What PostgreSQL keeps sealed is sealed anew with the newest secret, in batches.

Each batch is a transaction that holds its rows: nobody changes them meanwhile, and what
is done stays done. Callers see nothing of it, for times and etags stay as they are.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Row, Select, and_, bindparam, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.errors import InvalidFormat
from homeport.keyring import Keyring, Resealed
from homeport.runtime.database import reported

BATCH = 500
"""Rows of a transaction."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A column that is sealed; ``place`` says for which place that of a row is."""

    column: Column[bytes]
    place: Callable[[Row[Any]], str]


async def reseal(
    engine: AsyncEngine, keyring: Keyring, columns: Iterable[Sealed]
) -> Resealed:
    """Seal all rows anew that an older secret has sealed; raise Unavailable.

    Repeating it is harmless, also at the same time. A row that no secret opens stays.
    """
    total = Resealed()
    for sealed in columns:
        last: Row[Any] | None = None
        while True:
            with reported():
                async with engine.begin() as connection:
                    rows = await _hold(connection, sealed.column, last)
                    total += await _reseal(connection, keyring, sealed, rows)
            if len(rows) < BATCH:
                break
            last = rows[-1]
    return total


async def _hold(
    connection: AsyncConnection, column: Column[bytes], last: Row[Any] | None
) -> Sequence[Row[Any]]:
    """Return the rows behind the last one, which nobody else changes meanwhile."""
    key = column.table.primary_key.columns
    page: Select[Any] = (
        select(*key, column)
        .where(column.is_not(None))
        .order_by(*key)
        .limit(BATCH)
        .with_for_update()
    )
    if last is not None:
        page = page.where(tuple_(*key) > tuple_(*last[: len(key)]))
    rows: Sequence[Row[Any]] = (await connection.execute(page)).all()
    return rows


async def _reseal(
    connection: AsyncConnection,
    keyring: Keyring,
    sealed: Sealed,
    rows: Sequence[Row[Any]],
) -> Resealed:
    column, table = sealed.column, sealed.column.table
    anew: list[dict[str, Any]] = []
    unopened = 0
    for row in rows:
        try:
            made = keyring.reseal(getattr(row, column.name), place=sealed.place(row))
        except InvalidFormat:
            unopened += 1
            continue
        if made is not None:
            held = {_held(each): getattr(row, each.name) for each in table.primary_key}
            anew.append({"made": made, **held})
    if anew:
        which = [each == bindparam(_held(each)) for each in table.primary_key]
        statement = update(table).where(and_(*which))
        await connection.execute(statement.values({column: bindparam("made")}), anew)
    return Resealed(len(rows), len(anew), unopened)


def _held(column: Column[Any]) -> str:
    """Name the value by which a row is found, as no column is named."""
    return f"held_{column.name}"
