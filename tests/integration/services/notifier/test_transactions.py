"""What is changed together is there together, or not at all."""

import pytest
from sqlalchemy import Insert, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.errors import Unavailable
from services.notifier.schema import removals
from services.notifier.transactions import changing

pytestmark = pytest.mark.integration


async def count(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        found = await connection.scalar(select(func.count()).select_from(removals))
    return int(found or 0)


def removed(key_id: str) -> Insert:
    return insert(removals).values(key_id=key_id, removed_at=func.now())


async def test_what_is_left_in_peace_is_committed(engine: AsyncEngine) -> None:
    async with changing(engine) as connection:
        await connection.execute(removed("a"))
        await connection.execute(removed("b"))
    assert await count(engine) == 2


async def test_a_fault_takes_all_of_it_back(engine: AsyncEngine) -> None:
    async def change() -> None:
        async with changing(engine) as connection:
            await connection.execute(removed("a"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await change()
    assert await count(engine) == 0


async def test_a_lost_connection_is_told_of(engine: AsyncEngine) -> None:
    async def change() -> None:
        async with changing(engine) as connection:
            await connection.execute(removed("a"))
            await connection.execute(
                text("SELECT pg_terminate_backend(pg_backend_pid())")
            )

    with pytest.raises(Unavailable):
        await change()
    assert await count(engine) == 0
