"""One server of a cluster is killed under load, and what was answered is there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import pytest

from homeport.errors import Unavailable
from homeport.events.streams import StreamLimits
from homeport.names import DeviceId
from homeport.runtime import bus
from homeport.runtime.relay import EdgeRelay
from homeport.runtime.tasks import end
from homeport.store import backlog
from homeport.store.operations import Result
from tests.support import events
from tests.support.cluster import FollowedCluster, followed_cluster
from tests.support.nats_cluster import NatsCluster, nats_cluster
from tests.support.polling import until
from tests.support.servers import folder
from tests.support.sessions import BUCKETS, Device, Edge, device, edge

pytestmark = pytest.mark.e2e

STREAM = StreamLimits(replicas=3, max_bytes=2**26)
ENOUGH = 200
"""Registrations before a server is killed, and again after it is replaced."""
UNREPLICATED_SECONDS = 0.5
"""What a node answered so shortly before it was killed, its replica may lack."""


class Arrivals:
    """Devices that register one after the other, and when each was answered."""

    def __init__(self, here: Edge) -> None:
        self.answered: dict[DeviceId, float] = {}
        self._here = here
        self._numbers = count()

    @asynccontextmanager
    async def going_on(self, *, at_once: int = 4) -> AsyncIterator[None]:
        """Let devices come while entered."""
        coming = [asyncio.create_task(self._come()) for _ in range(at_once)]
        try:
            yield
        finally:
            for task in coming:
                await end(task)
            await asyncio.gather(*coming, return_exceptions=True)

    async def more(self, number: int) -> None:
        """Wait until so many more devices are answered."""
        wanted = len(self.answered) + number

        async def enough() -> bool:
            return len(self.answered) >= wanted

        await until(enough)

    async def _come(self) -> None:
        for number in self._numbers:
            await self._register(device(f"device-{number}"))
            await asyncio.sleep(0.005)

    async def _register(self, one: Device) -> None:
        """Repeat oneself as devices do, though sooner."""
        while True:
            try:
                (outcome,) = await self._here.do(one.register(1))
            except Unavailable:
                await asyncio.sleep(0.02)
                continue
            assert outcome.result is Result.REGISTERED
            self.answered.setdefault(one.id, self._here.clock.now())
            return


@pytest.fixture
async def nats() -> AsyncIterator[NatsCluster]:
    with folder() as data:
        async with nats_cluster(data) as made:
            yield made


@pytest.fixture
async def valkey() -> AsyncIterator[FollowedCluster]:
    with folder() as data:
        async with followed_cluster(data) as made:
            yield made


# nats-py leaves its socket to the garbage collector where a server is killed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_no_event_is_lost_when_the_leader_of_the_stream_is_killed(
    nats: NatsCluster, redis_url: str
) -> None:
    async with edge(redis_url) as here:
        arrivals = Arrivals(here)
        relay = EdgeRelay(
            here.outbox,
            here.registry,
            here.identity,
            nats_url=nats.url,
            buckets=BUCKETS,
            registers=True,
            stream=STREAM,
        )
        async with relay.running():
            async with arrivals.going_on():
                await arrivals.more(ENOUGH)
                await nats.kill(await nats.leader())
                await arrivals.more(ENOUGH)
            await until_published(here)
        async with bus.connection(nats.url, STREAM) as client:
            told = [fact.device_id for fact in await events.facts_stored(client)]
    assert len(told) == len(set(told))
    assert arrivals.answered.keys() <= set(told)


async def test_devices_are_answered_again_when_a_node_of_valkey_is_replaced(
    valkey: FollowedCluster,
) -> None:
    async with edge(valkey.url) as here:
        arrivals = Arrivals(here)
        async with arrivals.going_on():
            await arrivals.more(ENOUGH)
            await valkey.kill_first()
            killed = here.clock.now()
            await valkey.until_replaced()
            await arrivals.more(ENOUGH)
        devices = list(arrivals.answered)
        sessions = await here.sessions.read(devices)
        told = {fact.device_id for fact in await here.facts()}
        for one, session in zip(devices, sessions, strict=True):
            before = killed - arrivals.answered[one]
            if not 0 < before < UNREPLICATED_SECONDS:
                assert session is not None, f"answered {before} s before"
                assert one in told, f"answered {before} s before"
            assert (session is not None) == (one in told)


async def until_published(here: Edge) -> None:
    """Wait until the outboxes are empty: the stream has a leader again."""

    async def empty() -> bool:
        return (await backlog.look(here.redis, buckets=BUCKETS)).events == 0

    await until(empty, seconds=40)
