"""One edge looks for a device that nobody has, and never for one that somebody has."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from homeport.names import DeviceId, EdgeId
from homeport.runtime.edge import Ground
from homeport.runtime.relay import EdgeRelay
from homeport.store import keys
from homeport.store.operations import RecalledSession
from services.lwm2m.recalls import Recalls
from tests.support import sessions
from tests.support.line import line
from tests.support.polling import until
from tests.support.sessions import BUCKETS, device

pytestmark = pytest.mark.integration

DEVICE, LAMP = device(), device("urn:dev:2")
AWAKE = 93.0


@dataclass
class Edge:
    """An edge whose ports find every device that is looked for."""

    store: sessions.Edge
    here: set[DeviceId] = field(default_factory=set)
    found: list[tuple[DeviceId, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        store = self.store
        relay = EdgeRelay(
            *(store.outbox, store.registry, store.identity),
            nats_url="",
            buckets=BUCKETS,
            registers=True,
        )
        base = Ground(
            *(store.identity, store.redis, store.clock, store.sessions, relay),
            sessions.ACCOUNT,
        )
        self.recalls = Recalls(base, self, buckets=BUCKETS, awake_seconds=AWAKE)

    def wake(self, device: DeviceId) -> bool:
        return device in self.here

    async def recall(self, device: DeviceId, _: RecalledSession, awake: float) -> bool:
        self.found.append((device, awake))
        self.here.add(device)
        return True

    async def beat(self) -> None:
        await self.store.registry.beat(self.store.identity, registers=True)

    async def finds(self, many: int = 1) -> None:
        """Wait until so many devices have been found."""

        async def found() -> bool:
            return len(self.found) >= many

        await until(found)


@asynccontextmanager
async def looking(redis_url: str) -> AsyncIterator[Edge]:
    """Run an edge that lives."""
    async with sessions.edge(redis_url) as store:
        edge = Edge(store)
        await edge.beat()
        async with edge.recalls.running():
            yield edge


@asynccontextmanager
async def gone(redis_url: str) -> AsyncIterator[EdgeId]:
    """Leave a device whose edge is gone, and a request that waits for it."""
    async with sessions.edge(redis_url) as store:
        await store.do(DEVICE.register(1), DEVICE.enqueue("a"))
        yield store.identity


async def test_what_an_edge_leaves_that_is_gone_is_found(redis_url: str) -> None:
    async with gone(redis_url), looking(redis_url) as edge:
        await edge.finds()
        assert edge.found == [(DEVICE.id, AWAKE)]


async def test_of_all_that_look_one_finds_it(redis_url: str) -> None:
    async with (
        gone(redis_url) as owner,
        looking(redis_url) as here,
        looking(redis_url) as there,
    ):

        async def inherited() -> bool:
            return all(each.recalls.inherit(owner, DEVICE.id) for each in (here, there))

        await until(inherited)
        await until(lambda: _found(here, there))
        await here.store.do(LAMP.register(1), LAMP.enqueue("b"))
        here.recalls.wake(LAMP.id)
        await until(lambda: _found(here, there, many=2))
        found = [device for each in (here, there) for device, _ in each.found]
        assert sorted(found) == sorted([DEVICE.id, LAMP.id])


async def _found(*edges: Edge, many: int = 1) -> bool:
    return sum(len(each.found) for each in edges) >= many


async def test_a_device_that_is_here_is_not_looked_for(redis_url: str) -> None:
    async with looking(redis_url) as edge:
        await edge.store.do(DEVICE.register(1), DEVICE.enqueue("a"))
        edge.here.add(DEVICE.id)
        assert edge.recalls.wake(DEVICE.id)
        await edge.store.do(LAMP.register(1), LAMP.enqueue("b"))
        assert not edge.recalls.wake(LAMP.id)
        await edge.finds()
        assert edge.found == [(LAMP.id, AWAKE)]


async def test_who_lives_keeps_what_it_has(redis_url: str) -> None:
    async with gone(redis_url) as owner, looking(redis_url) as edge:
        await edge.store.registry.beat(owner, registers=True)

        async def seen() -> bool:
            return not edge.recalls.inherit(owner, DEVICE.id)

        edge.found.clear()
        await until(seen)
        assert not edge.recalls.inherit(edge.store.identity, DEVICE.id)


async def test_who_sleeps_is_left_to_wake_by_itself(redis_url: str) -> None:
    async with looking(redis_url) as edge:
        await edge.store.do(
            *(DEVICE.register(1, queue_mode=1, lifetime=300), DEVICE.enqueue("a")),
            *(LAMP.register(1, queue_mode=1, lifetime=300), LAMP.enqueue("b")),
        )
        heard = -(AWAKE + 1) * 1000
        await edge.store.redis.zincrby(keys.expiry(DEVICE.bucket), heard, DEVICE.id)
        for device in (DEVICE.id, LAMP.id):
            edge.recalls.wake(device)
        await edge.finds()
        assert edge.found == [(LAMP.id, AWAKE)]


async def test_a_store_that_is_away_is_asked_again(redis_url: str) -> None:
    async with line(redis_url) as (way, url), looking(url) as edge:
        await edge.store.do(DEVICE.register(1), DEVICE.enqueue("a"))
        way.cut()
        edge.recalls.wake(DEVICE.id)
        await asyncio.sleep(0)
        way.mend()
        await edge.finds()
        assert edge.found == [(DEVICE.id, AWAKE)]
