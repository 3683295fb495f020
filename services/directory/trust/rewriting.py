"""Rows of PostgreSQL are put in the trust view again, one batch a turn.

Whoever changes something meanwhile has turns in between, so that a row is put as it is
when its batch is read.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

BATCH = 1_000
"""Entries that are written in one turn."""

Put = Callable[[Sequence[Row[Any]]], Awaitable[None]]
Turn = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
"""Entered: nobody else writes the view. Left: it is committed."""


async def put_all(
    turn: Turn, query: Select[Any], key: Sequence[ColumnElement[Any]], put: Put
) -> None:
    """Put all rows that a query finds, in the order of a key; raise Unavailable."""
    page = query.order_by(*key).limit(BATCH)
    last: Row[Any] | None = None
    while True:
        after = page
        if last is not None:
            there = [getattr(last, str(column.key)) for column in key]
            after = page.where(tuple_(*key) > tuple_(*there))
        async with turn() as connection:
            rows = (await connection.execute(after)).all()
            await put(rows)
        if len(rows) < BATCH:
            return
        last = rows[-1]
