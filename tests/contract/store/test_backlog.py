"""What waits in the store is seen as a whole: the same on every store."""

from collections.abc import AsyncIterator

import pytest

from homeport.store import backlog, keys
from homeport.store.backlog import Backlog
from tests.support.sessions import BUCKETS, Edge, device, edge

pytestmark = pytest.mark.integration


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
async def here(request: pytest.FixtureRequest) -> AsyncIterator[Edge]:
    async with edge(request.getfixturevalue(request.param)) as made:
        yield made


async def test_a_store_that_holds_nothing_has_no_oldest_event(here: Edge) -> None:
    assert await backlog.look(here.redis, buckets=BUCKETS) == Backlog(0, 0, None, 0)


async def test_registrations_and_events_of_all_buckets_count(here: Edge) -> None:
    devices = [device(f"device-{number}") for number in range(20)]
    assert len({one.bucket for one in devices}) > 1
    beats = await here.registry.look()
    for one in devices:
        await here.do(one.register(1))
    found = await backlog.look(here.redis, buckets=BUCKETS)
    assert (found.registrations, found.events) == (20, 20)
    assert found.oldest == pytest.approx(beats.now, abs=2_000)


async def test_the_oldest_event_is_that_of_the_bucket_that_waits_longest(
    here: Edge,
) -> None:
    early, late = (device(f"device-{number}") for number in (1, 2))
    assert early.bucket != late.bucket
    await here.redis.xadd(keys.outbox(early.bucket), {"head": "", "body": ""}, "5-1")
    await here.redis.xadd(keys.outbox(late.bucket), {"head": "", "body": ""}, "7-1")
    assert (await backlog.look(here.redis, buckets=BUCKETS)).oldest == 5


async def test_more_buckets_than_one_look_takes_all_count(
    here: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "BUCKETS_AT_ONCE", 3)
    for bucket in range(BUCKETS):
        await here.redis.incrby(keys.replaced(bucket), 2)
    found = await backlog.look(here.redis, buckets=BUCKETS)
    assert found.replaced == 2 * BUCKETS
