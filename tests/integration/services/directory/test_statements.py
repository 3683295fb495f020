"""A statement is written once and asked of the driver itself."""

import asyncio
from contextlib import AsyncExitStack

import asyncpg
import pytest
from sqlalchemy import bindparam, column, literal, select, values
from sqlalchemy.sql.sqltypes import Integer, Text

from homeport.errors import Unavailable
from homeport.runtime.database import POOL_SIZE
from services.directory import statements
from services.directory.statements import Statement

pytestmark = pytest.mark.integration

SHIPS = values(column("name", Text), column("masts", Integer), name="ships").data(
    [("Preussen", 5), ("Passat", 4)]
)
STATEMENT = Statement(
    select(SHIPS.c.name, SHIPS.c.masts, literal("full").label("rig")).where(
        SHIPS.c.name == bindparam("name")
    )
)


async def test_the_columns_of_a_row_are_its_attributes(
    direct_of_session: asyncpg.Pool,
) -> None:
    found = await STATEMENT.fetch(direct_of_session, name="Passat")
    assert (found.name, found.masts, found.rig) == ("Passat", 4, "full")
    with pytest.raises(AttributeError):
        found.crew  # noqa: B018 # no such column


async def test_where_there_is_no_row_nothing_is_found(
    direct_of_session: asyncpg.Pool,
) -> None:
    assert await STATEMENT.fetch(direct_of_session, name="Pamir") is None


async def test_who_cannot_be_served_in_time_is_told(
    direct_of_session: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "ANSWER_SECONDS", 0.01)
    async with AsyncExitStack() as taken:
        for _ in range(POOL_SIZE):
            await taken.enter_async_context(direct_of_session.acquire())
        with pytest.raises(Unavailable, match="PostgreSQL"):
            await STATEMENT.fetch(direct_of_session, name="Passat")


async def test_many_may_ask_at_once(direct_of_session: asyncpg.Pool) -> None:
    asked = [STATEMENT.fetch(direct_of_session, name="Passat") for _ in range(50)]
    assert {found.masts for found in await asyncio.gather(*asked)} == {4}
