"""A view that has been set back is told from one that is as it was left."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.errors import Unavailable
from services.directory.trust.generations import Generations
from tests.support.directory import Site

pytestmark = pytest.mark.integration


@pytest.fixture
def generations(opened: Site) -> Generations:
    return Generations(opened.trust)


@pytest_asyncio.fixture(loop_scope="session")
async def turn(opened: Site, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with engine.begin() as connection:
        yield connection


async def write(generations: Generations, turn: AsyncConnection) -> None:
    await generations.finish(turn, await generations.begin(turn))


async def test_a_view_is_as_it_was_left_once_it_is_written(
    generations: Generations, turn: AsyncConnection
) -> None:
    assert not await generations.agree(turn)
    await write(generations, turn)
    assert await generations.agree(turn)


async def test_every_batch_has_a_word_of_its_own(
    opened: Site, generations: Generations, turn: AsyncConnection
) -> None:
    await write(generations, turn)
    words = {await opened.trust.generation()}
    for _ in range(3):
        await generations.advance(turn)
        assert await generations.agree(turn)
        words.add(await opened.trust.generation())
    assert len(words) == 4


@pytest.mark.parametrize("lost", [True, False])
async def test_a_view_that_was_set_back_stays_so_until_it_is_written(
    opened: Site, generations: Generations, turn: AsyncConnection, *, lost: bool
) -> None:
    await write(generations, turn)
    before = "" if lost else await opened.trust.generation()
    await generations.advance(turn)
    await opened.trust.put_generation(before)
    await generations.advance(turn)
    assert not await generations.agree(turn)
    assert await opened.trust.is_written()
    word = await generations.begin(turn)
    assert not await opened.trust.is_written()
    await generations.advance(turn)
    assert not await generations.agree(turn)
    await generations.finish(turn, word)
    assert await generations.agree(turn)


async def test_one_that_is_written_for_another_reason_is_not_lost(
    opened: Site, generations: Generations, turn: AsyncConnection
) -> None:
    await generations.begin(turn)
    assert await opened.trust.is_written()
    await write(generations, turn)
    await generations.begin(turn)
    assert await opened.trust.is_written()


async def test_one_that_is_set_back_while_it_is_written_is_not_whole(
    opened: Site, generations: Generations, turn: AsyncConnection
) -> None:
    word = await generations.begin(turn)
    await opened.trust.put_generation("")
    with pytest.raises(Unavailable, match="was lost while it was written"):
        await generations.finish(turn, word)
    assert not await generations.agree(turn)
