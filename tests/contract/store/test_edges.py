"""What edges know of each other: the same on every store."""

import math
from collections.abc import AsyncIterator

import pytest

from homeport.names import EdgeId
from homeport.store import keys
from homeport.store.edges import DEAD_AFTER_MILLISECONDS, OUTAGE_AFTER_MILLISECONDS
from tests.support.sessions import Edge, edge

pytestmark = pytest.mark.integration


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
async def here(request: pytest.FixtureRequest) -> AsyncIterator[Edge]:
    async with edge(request.getfixturevalue(request.param)) as made:
        yield made


async def test_an_edge_that_beats_is_among_the_living(here: Edge) -> None:
    beats = await here.registry.beat(here.identity, registers=True)
    assert beats.edges == (here.identity,)
    assert beats.last_beat == pytest.approx(beats.now, abs=1)
    assert not beats.outage


async def test_one_that_leaves_is_not(here: Edge) -> None:
    await here.registry.beat(here.identity, registers=True)
    await here.registry.leave(here.identity)
    assert (await here.registry.look()).edges == ()


async def test_one_that_has_not_beaten_for_long_is_dead(here: Edge) -> None:
    beats = await here.registry.beat(here.identity, registers=True)
    late = beats.now - DEAD_AFTER_MILLISECONDS - 1_000
    await here.redis.zadd(keys.edges(), {here.identity: late})
    assert (await here.registry.look()).edges == ()


async def test_an_edge_is_silent_since_its_last_beat_and_for_ever_if_it_is_dead(
    here: Edge,
) -> None:
    beats = await here.registry.beat(here.identity, registers=True)
    await here.redis.zadd(keys.edges(), {"other": beats.now - 2_000})
    asked = [EdgeId("nobody"), here.identity, EdgeId("other")]
    nobody, own, other = await here.registry.silences(asked)
    assert nobody == math.inf
    assert 0 <= own < 1_000
    assert 2_000 <= other < 3_000 + own
    assert await here.registry.silences([]) == []


async def test_the_first_start_is_no_outage(here: Edge) -> None:
    beats = await here.registry.look()
    assert beats.last_beat is None
    assert not beats.outage
    beats = await here.registry.beat(here.identity, registers=True)
    assert beats.outage_ended is None


async def test_a_time_without_beats_is_an_outage_until_the_next(here: Edge) -> None:
    beats = await here.registry.beat(here.identity, registers=True)
    late = beats.now - OUTAGE_AFTER_MILLISECONDS - 1_000
    await here.redis.hset(keys.heartbeat(), "last", int(late))
    assert (await here.registry.look()).outage
    beats = await here.registry.beat(here.identity, registers=True)
    assert not beats.outage
    assert beats.outage_ended == pytest.approx(beats.now, abs=1)


async def test_an_edge_where_nobody_registers_ends_no_outage(here: Edge) -> None:
    beats = await here.registry.beat(here.identity, registers=True)
    late = beats.now - OUTAGE_AFTER_MILLISECONDS - 1_000
    await here.redis.hset(keys.heartbeat(), "last", int(late))
    assert (await here.registry.beat(here.identity, registers=False)).outage
