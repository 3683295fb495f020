"""Device events are kept by the week, and go by the week."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.events.facts import FactName
from services.directory.catalog import DEVICE_EVENTS, Catalog
from services.directory.devices import history
from services.directory.devices.history import AHEAD, SPAN, HistoryStore
from services.directory.handlers import project
from services.directory.queries import Query
from services.directory.store import DeviceStore
from tests.support.directory import ACCOUNT, fact

pytestmark = pytest.mark.integration

MONDAY = datetime(2031, 3, 3, tzinfo=UTC)
NOW = MONDAY + timedelta(days=3)
"""Far from when other tests are, so that no week of theirs is in the way."""


async def partitions(engine: AsyncEngine) -> list[str]:
    """Name the weeks of this test that there are."""
    query = text(
        "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
        " WHERE inhparent = 'directory.device_events'::regclass ORDER BY relname"
    )
    async with engine.connect() as connection:
        return [name for name in await connection.scalars(query) if "_203" in name]


async def where(engine: AsyncEngine) -> list[str]:
    """Name the partition of each event."""
    query = text("SELECT tableoid::regclass::text FROM directory.device_events")
    async with engine.connect() as connection:
        return list(await connection.scalars(query))


async def happen(engine: AsyncEngine, *times: datetime) -> None:
    told = [
        fact(FactName.REGISTRATION_REFUSED, number, time=time)
        for number, time in enumerate(times, 1)
    ]
    await project(told, stored=DeviceStore(engine))


@pytest.fixture
def kept(engine: AsyncEngine) -> HistoryStore:
    return HistoryStore(engine, days=30)


async def test_the_weeks_to_come_are_made(
    engine: AsyncEngine, kept: HistoryStore
) -> None:
    await kept.keep(now=NOW)
    assert await kept.keep(now=NOW) == []
    assert await partitions(engine) == [
        "device_events_20310303",
        "device_events_20310310",
        "device_events_20310317",
    ]
    await happen(engine, MONDAY, MONDAY + SPAN)
    assert await where(engine) == [
        "directory.device_events_20310303",
        "directory.device_events_20310310",
    ]


async def test_what_came_before_its_week_was_made_goes_there(
    engine: AsyncEngine, kept: HistoryStore
) -> None:
    await happen(engine, MONDAY + 9 * SPAN)
    assert await where(engine) == ["directory.device_events_others"]
    await kept.keep(now=NOW + 9 * SPAN)
    assert await where(engine) == ["directory.device_events_20310505"]


async def test_a_week_goes_when_the_last_of_it_is_too_old(
    engine: AsyncEngine, kept: HistoryStore
) -> None:
    later = NOW + 20 * SPAN
    await kept.keep(now=later)
    begins = history.week(later)
    await happen(engine, begins, begins + SPAN)
    ends = begins + SPAN + timedelta(days=30)
    first = history.name(begins)
    assert first not in await kept.keep(now=ends - timedelta(seconds=1))
    assert first in await kept.keep(now=ends)
    (left,) = await where(engine)
    assert left == f"directory.{history.name(begins + SPAN)}"


async def test_what_lies_with_the_others_goes_when_it_is_too_old(
    engine: AsyncEngine, kept: HistoryStore
) -> None:
    await happen(engine, MONDAY - timedelta(days=365), MONDAY - timedelta(days=1))
    await kept.keep(now=NOW)
    assert len(await where(engine)) == 1


async def test_events_of_several_weeks_are_one_list(
    engine: AsyncEngine, kept: HistoryStore, catalog: Catalog
) -> None:
    await kept.keep(now=NOW)
    times = [MONDAY + SPAN * number / 2 for number in range(2 * AHEAD)]
    await happen(engine, *times)
    read = []
    query = Query(limit=1)
    while (page := await catalog.list(DEVICE_EVENTS, ACCOUNT, query)) and page.rows:
        read += [row.date_time for row in page.rows]
        query = Query(limit=1, after=page.rows[-1].id)
    assert read == times


async def test_an_event_that_comes_again_is_known_in_its_week(
    engine: AsyncEngine, kept: HistoryStore
) -> None:
    await kept.keep(now=NOW)
    for _ in range(2):
        await happen(engine, NOW)
    assert len(await where(engine)) == 1


async def test_replicas_may_look_at_the_same_time(
    engine: AsyncEngine, kept: HistoryStore
) -> None:
    later = NOW + 40 * SPAN
    async with engine.begin() as busy:
        await busy.execute(text(f"SELECT pg_advisory_xact_lock({history._TURN})"))
        assert await kept.keep(now=later) == []
        assert history.name(history.week(later)) not in await partitions(engine)
    await kept.keep(now=later)
    assert history.name(history.week(later)) in await partitions(engine)


def test_a_week_begins_on_monday() -> None:
    assert history.week(NOW) == MONDAY
    assert history.week(MONDAY) == MONDAY
    assert history.parse(history.name(MONDAY)) == MONDAY
    assert history.parse("device_events_others") is None
