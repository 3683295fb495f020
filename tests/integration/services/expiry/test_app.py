"""The expiry service on real servers: what is due ends, and only that."""

import operator
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from nats.aio.client import Client

from homeport.events import subjects
from homeport.runtime import bus
from homeport.runtime.probes import Probes
from homeport.store import keys
from services.expiry.app import service
from services.expiry.config import ExpirySettings
from tests.support import events
from tests.support.line import line
from tests.support.polling import until
from tests.support.sessions import BUCKETS, Edge, device, edge, fact_names

pytestmark = pytest.mark.integration

AT_ONCE = 500
SLOWEST_A_SECOND = 5_000
"""Events of those that end together, in a second of either processor: others use this
machine too."""


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Edge]:
    async with edge(redis_url) as made:
        yield made


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[Client]:
    async with bus.connection(nats_url) as connected:
        yield connected


@asynccontextmanager
async def expiry(
    redis_url: str, nats_url: str, **changed: object
) -> AsyncIterator[Probes]:
    """Run one replica without any grace."""
    settings = ExpirySettings(
        redis_url=redis_url,
        nats_url=nats_url,
        buckets=BUCKETS,
        expiry_grace_seconds=0,
        expiry_outage_grace_seconds=0,
    ).model_copy(update=changed)
    probes = Probes()
    async with service(settings, probes):
        yield probes


async def happened(nats: Client) -> list[str]:
    return fact_names(await events.facts_stored(nats))


async def until_happened(nats: Client, fact: str, *, count: int = 1) -> None:
    async def enough() -> bool:
        return (await happened(nats)).count(fact) >= count

    await until(enough)


async def overdue(store: Edge, name: str) -> None:
    """Make a registration whose time has passed."""
    one = device(name)
    await store.do(one.register(1))
    await store.redis.zadd(keys.expiry(one.bucket), {one.id: 1})


async def test_a_registration_ends_after_its_lifetime(
    store: Edge, nats: Client, redis_url: str, nats_url: str
) -> None:
    one = device()
    await store.do(one.register(1, lifetime=1))
    async with expiry(redis_url, nats_url):
        await until_happened(nats, "registration.expired")
    assert await store.sessions.read([one.id]) == [None]
    registered, expired = await events.facts_stored(nats)
    assert (expired.time - registered.time).total_seconds() >= 1


async def all_overdue(store: Edge, many: int) -> None:
    """Make many registrations whose time has passed, and tell nobody of them."""
    devices = [device(f"device-{number}") for number in range(many)]
    for begin in range(0, many, AT_ONCE):
        share = devices[begin : begin + AT_ONCE]
        await store.do(*(each.register(1) for each in share))
    for bucket in range(BUCKETS):
        due = {each.id: 1 for each in devices if each.bucket == bucket}
        await store.redis.zadd(keys.expiry(bucket), due)
        await store.redis.delete(keys.outbox(bucket))


async def spent(store: Edge) -> tuple[float, float]:
    """Return the processor seconds of this process, in which both run, and of Redis."""
    used = await store.redis.info("cpu")
    return time.process_time(), used["used_cpu_user"] + used["used_cpu_sys"]


@pytest.mark.conforms("C-240", "Leshan 508")
@pytest.mark.parametrize(
    "many", [500, pytest.param(100_000, marks=pytest.mark.soak)], ids=["few", "many"]
)
async def test_two_replicas_end_each_registration_once(
    store: Edge, nats: Client, redis_url: str, nats_url: str, many: int
) -> None:
    await all_overdue(store, many)

    async def count() -> int:
        info = await nats.jetstream().stream_info(subjects.STREAM)
        return info.state.messages

    async def told() -> bool:
        return await count() >= many

    before = await spent(store)
    async with expiry(redis_url, nats_url), expiry(redis_url, nats_url):
        await until(told, seconds=300)
    seconds = max(map(operator.sub, await spent(store), before))
    assert many < 100_000 or many / seconds > SLOWEST_A_SECOND
    assert await count() == many
    ended = Counter(
        (fact.name, fact.device_id) for fact in await events.facts_stored(nats)
    )
    assert len(ended) == many
    for bucket in range(BUCKETS):
        assert await store.redis.zcard(keys.expiry(bucket)) == 0
        assert await store.redis.xlen(keys.outbox(bucket)) == 0


@pytest.mark.conforms("C-120", "B-175")
async def test_requests_that_have_waited_for_too_long_end_even_in_an_outage(
    store: Edge, nats: Client, redis_url: str, nats_url: str
) -> None:
    one = device()
    await store.registry.beat(store.identity, registers=True)
    await store.do(one.register(1), one.enqueue("a", expires_at=1), one.enqueue("b"))
    await store.redis.hset(keys.heartbeat(), "last", 1)
    async with expiry(redis_url, nats_url), expiry(redis_url, nats_url):
        await until_happened(nats, "request.completed")
    assert (await happened(nats)).count("request.completed") == 1


@pytest.mark.conforms("C-236", "B-187")
async def test_outboxes_that_no_edge_holds_are_published(
    store: Edge, nats: Client, redis_url: str, nats_url: str
) -> None:
    await store.do(device().register(1))
    async with expiry(redis_url, nats_url):
        await until_happened(nats, "device.registered")


async def test_nothing_ends_while_devices_cannot_reach_the_platform(
    store: Edge, nats: Client, redis_url: str, nats_url: str
) -> None:
    await store.registry.beat(store.identity, registers=True)
    await store.redis.hset(keys.heartbeat(), "last", 1)
    await overdue(store, "kitchen")
    async with expiry(redis_url, nats_url, expiry_outage_grace_seconds=3_600):
        await until_happened(nats, "device.registered")
        beats = await store.registry.beat(store.identity, registers=True)
        assert beats.outage_ended is not None

        async def postponed() -> bool:
            due = await store.redis.zscore(
                keys.expiry(device("kitchen").bucket), device("kitchen").id
            )
            return due is not None and due > beats.now

        await until(postponed)
    assert await happened(nats) == ["device.registered"]


async def test_it_goes_on_when_redis_comes_back(
    store: Edge, nats: Client, redis_url: str, nats_url: str
) -> None:
    async with (
        line(redis_url) as (way, url),
        expiry(url, nats_url) as probes,
    ):
        assert await probes.faults() == {}
        way.cut()
        await overdue(store, "kitchen")

        async def away() -> bool:
            return "redis" in await probes.faults()

        await until(away)
        way.mend()
        await until_happened(nats, "registration.expired")
