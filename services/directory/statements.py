"""Statements that are written once and asked of PostgreSQL's driver itself.

An engine takes four times the work for a single row: it looks the statement up anew,
and changes between coroutines and greenlets for each step.
"""

from operator import itemgetter
from typing import Any

import asyncpg
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql.asyncpg import dialect

from homeport.runtime.database import ANSWER_SECONDS, reported


class Statement:
    """Asks for one row by the named parameters of a query."""

    def __init__(self, query: Select[Any]) -> None:
        compiled = query.compile(
            dialect=dialect()  # type: ignore[no-untyped-call] # it is not typed
        )
        names = compiled.positiontup or ()
        self._text = str(compiled)
        self._arguments = [(name, compiled.params[name]) for name in names]
        self._row = _row_class([str(column.key) for column in query.selected_columns])

    async def fetch(self, pool: asyncpg.Pool, **given: object) -> Any:
        """Return the row, whose columns are its attributes, or nothing.

        Raises Unavailable, also where no connection of the pool is free in time.
        """
        arguments = [given.get(name, constant) for name, constant in self._arguments]
        with reported():
            async with pool.acquire(timeout=ANSWER_SECONDS) as connection:
                return await connection.fetchrow(
                    self._text, *arguments, record_class=self._row
                )


def _row_class(names: list[str]) -> type[asyncpg.Record]:
    """Make the class of rows with these columns, in their order."""
    columns = {name: property(itemgetter(at)) for at, name in enumerate(names)}
    return type("Row", (asyncpg.Record,), {"__slots__": (), **columns})
