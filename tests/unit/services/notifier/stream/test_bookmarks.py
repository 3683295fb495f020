"""Places are written down together, and none is forgotten."""

import asyncio
from collections.abc import Mapping

import pytest

from homeport.errors import Unavailable
from services.notifier.stream import bookmarks as module
from services.notifier.stream.bookmarks import Bookmarks


class Cursors:
    """Takes places down unless the database is away."""

    def __init__(self) -> None:
        self.written: list[Mapping[str, int]] = []
        self.away = False
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def advance(self, places: Mapping[str, int]) -> None:
        await self.go_on.wait()
        if self.away:
            raise Unavailable("PostgreSQL", "is away")
        self.written.append(places)


@pytest.fixture
def cursors() -> Cursors:
    return Cursors()


@pytest.fixture
def bookmarks(cursors: Cursors) -> Bookmarks:
    return Bookmarks(cursors)  # type: ignore[arg-type] # only this is asked of them


async def test_the_newest_place_of_each_owner_is_written(
    bookmarks: Bookmarks, cursors: Cursors
) -> None:
    for owner, place in (("a", 1), ("b", 7), ("a", 2)):
        bookmarks.put(owner, place)
    await bookmarks.flush()
    await bookmarks.flush()
    assert cursors.written == [{"a": 2, "b": 7}]


async def test_what_could_not_be_written_is_kept_unless_there_is_a_newer_place(
    bookmarks: Bookmarks, cursors: Cursors
) -> None:
    cursors.away = True
    bookmarks.put("a", 1)
    bookmarks.put("b", 1)
    cursors.go_on.clear()
    flushing = asyncio.create_task(bookmarks.flush())
    await asyncio.sleep(0)
    bookmarks.put("a", 2)
    cursors.go_on.set()
    with pytest.raises(Unavailable):
        await flushing
    cursors.away = False
    await bookmarks.flush()
    assert cursors.written == [{"a": 2, "b": 1}]


async def test_who_flushes_waits_for_what_is_under_way(
    bookmarks: Bookmarks, cursors: Cursors
) -> None:
    cursors.go_on.clear()
    bookmarks.put("a", 1)
    first = asyncio.create_task(bookmarks.flush())
    await asyncio.sleep(0)
    second = asyncio.create_task(bookmarks.flush())
    await asyncio.sleep(0)
    assert not second.done()
    cursors.go_on.set()
    await asyncio.gather(first, second)
    assert cursors.written == [{"a": 1}]


async def test_who_is_cancelled_has_written_them_down(
    bookmarks: Bookmarks, cursors: Cursors
) -> None:
    cursors.go_on.clear()
    bookmarks.put("a", 1)
    flushing = asyncio.create_task(bookmarks.flush())
    for _ in range(3):
        await asyncio.sleep(0)
    flushing.cancel()
    await asyncio.sleep(0)
    assert not flushing.done()
    cursors.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await flushing
    assert cursors.written == [{"a": 1}]


async def test_they_are_written_by_themselves(
    bookmarks: Bookmarks, cursors: Cursors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WRITE_SECONDS", 0)
    keeping = asyncio.create_task(bookmarks.keep())
    cursors.away = True
    bookmarks.put("a", 1)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not cursors.written
    cursors.away = False
    async with asyncio.timeout(5):
        while not cursors.written:
            await asyncio.sleep(0)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert cursors.written == [{"a": 1}]
