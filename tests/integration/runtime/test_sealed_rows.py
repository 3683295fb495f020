"""Rows are sealed anew where they lie, whatever table they are of."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Column, LargeBinary, MetaData, Table, Text, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from homeport.keyring import Keyring, Resealed
from homeport.runtime import sealed_rows
from homeport.runtime.sealed_rows import Sealed, reseal

pytestmark = pytest.mark.integration

OLD, NEW = b"o" * 32, b"n" * 32
BEFORE, ROTATED, AFTER = Keyring([OLD]), Keyring([NEW, OLD]), Keyring([NEW])

DRAWERS = Table(
    "drawers",
    MetaData(),
    Column("room", Text, primary_key=True),
    Column("number", Text, primary_key=True),
    Column("content", LargeBinary),
)
COLUMNS = [Sealed(DRAWERS.c.content, lambda row: f"{row.room}:{row.number}")]


@pytest.fixture
async def engine(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    made = create_async_engine(
        postgres_url.replace("postgresql://", "postgresql+asyncpg://")
    )
    async with made.begin() as connection:
        await connection.run_sync(DRAWERS.metadata.create_all)
    yield made
    await made.dispose()


async def fill(engine: AsyncEngine, *places: str, keyring: Keyring = BEFORE) -> None:
    async with engine.begin() as connection:
        for place in places:
            room, _, number = place.partition(":")
            content = keyring.seal(place.encode(), place=place)
            row = {"room": room, "number": number, "content": content}
            await connection.execute(insert(DRAWERS).values(row))


async def test_the_newest_secret_alone_opens_them_afterwards(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealed_rows, "BATCH", 2)
    places = ["a:1", "a:2", "b:1", "b:2", "c:1"]
    await fill(engine, *places)
    await fill(engine, "d:1", keyring=ROTATED)
    assert await reseal(engine, ROTATED, COLUMNS) == Resealed(found=6, anew=5)
    assert await reseal(engine, ROTATED, COLUMNS) == Resealed(found=6)
    async with engine.connect() as connection:
        rows = (await connection.execute(select(DRAWERS))).all()
    opened = [
        AFTER.open(row.content, place=f"{row.room}:{row.number}").decode()
        for row in rows
    ]
    assert sorted(opened) == [*places, "d:1"]


async def test_what_no_secret_opens_stays(engine: AsyncEngine) -> None:
    await fill(engine, "a:1", keyring=Keyring([b"x" * 32]))
    await fill(engine, "a:2")
    counted = await reseal(engine, ROTATED, COLUMNS)
    assert counted == Resealed(found=2, anew=1, unopened=1)


async def test_what_holds_nothing_is_passed_over(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(insert(DRAWERS).values(room="a", number="1"))
    assert await reseal(engine, ROTATED, COLUMNS) == Resealed()
