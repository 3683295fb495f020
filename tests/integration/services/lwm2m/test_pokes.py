"""Edges are told of requests on the bus, and do without it while it is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from homeport.events import subjects
from homeport.names import DeviceId, EdgeId
from homeport.runtime import bus
from homeport.runtime.tasks import end
from services.lwm2m.pokes import Pokes
from tests.support.line import line
from tests.support.polling import until

pytestmark = pytest.mark.integration

HERE, THERE, GONE = (EdgeId(f"lwm2m-{name}") for name in ("here", "there", "gone"))
KETTLE, LAMP = DeviceId("a" * 32), DeviceId("b" * 32)


@dataclass
class Edge:
    """An edge that has one device, and what it has heard of one that is gone."""

    name: EdgeId
    woken: list[DeviceId] = field(default_factory=list)
    inherited: list[tuple[EdgeId, DeviceId]] = field(default_factory=list)

    def wake(self, device: DeviceId) -> bool:
        self.woken.append(device)
        return device == KETTLE

    def inherit(self, edge: EdgeId, device: DeviceId) -> bool:
        if edge != GONE:
            return False
        self.inherited.append((edge, device))
        return True


@asynccontextmanager
async def listening(edge: Edge, nats_url: str) -> AsyncIterator[Pokes]:
    pokes = Pokes(edge.name, edge, nats_url=nats_url)
    running = asyncio.create_task(pokes.run())
    try:
        yield pokes
    finally:
        await end(running)


async def poked(nats: Client, body: bytes, edge: EdgeId = HERE) -> bytes:
    """Poke an edge as soon as it listens."""
    answers: list[bytes] = []

    async def answered() -> bool:
        try:
            message = await nats.request(subjects.poke(edge), body, timeout=0.5)
        except (NoRespondersError, TimeoutError):
            return False
        answers.append(message.data)
        return True

    await until(answered)
    return answers[0]


async def test_who_pokes_an_edge_hears_whether_the_device_is_there(
    nats_url: str,
) -> None:
    edge = Edge(HERE)
    async with bus.connection(nats_url) as nats, listening(edge, nats_url):
        assert await poked(nats, KETTLE.encode()) == subjects.HERE
        assert await poked(nats, LAMP.encode()) == subjects.NOT_HERE
        assert edge.woken == [KETTLE, LAMP]


@pytest.mark.parametrize("body", [b"", b"kettle", b"\xff", b"x" * 100_000])
async def test_what_is_no_device_wakes_nobody(nats_url: str, body: bytes) -> None:
    edge = Edge(HERE)
    async with bus.connection(nats_url) as nats, listening(edge, nats_url):
        assert await poked(nats, body) == subjects.NOT_HERE
        assert edge.woken == []


async def test_an_edge_that_has_gone_does_not_respond(nats_url: str) -> None:
    async with bus.connection(nats_url) as nats:
        async with listening(Edge(HERE), nats_url):
            await poked(nats, KETTLE.encode())

        async def nobody_responds() -> bool:
            try:
                await nats.request(subjects.poke(HERE), KETTLE.encode(), timeout=0.5)
            except NoRespondersError:
                return True
            except NatsError:  # one that was going has heard it
                return False
            return False

        await until(nobody_responds)


async def test_one_of_the_others_hears_pokes_for_an_edge_that_is_gone(
    nats_url: str,
) -> None:
    here, there = Edge(HERE), Edge(THERE)
    async with (
        bus.connection(nats_url) as nats,
        listening(here, nats_url),
        listening(there, nats_url),
    ):
        for edge in (HERE, THERE):
            await poked(nats, KETTLE.encode(), edge)
        here.woken.clear()
        there.woken.clear()
        for _ in range(10):
            assert await poked(nats, LAMP.encode(), GONE) == subjects.NOT_HERE
        assert here.inherited + there.inherited == [(GONE, LAMP)] * 10
        assert here.woken == there.woken == []


async def test_edges_poke_each_other_and_themselves(nats_url: str) -> None:
    here, there = Edge(HERE), Edge(THERE)
    async with (
        bus.connection(nats_url) as nats,
        listening(here, nats_url) as pokes,
        listening(there, nats_url),
    ):
        await poked(nats, LAMP.encode())
        await poked(nats, LAMP.encode(), THERE)
        pokes.poke(THERE, KETTLE)
        pokes.poke(HERE, KETTLE)

        async def arrived() -> bool:
            return there.woken == [LAMP, KETTLE]

        await until(arrived)
        assert here.woken == [LAMP, KETTLE]


async def test_without_the_bus_nothing_breaks_and_later_it_is_there(
    nats_url: str,
) -> None:
    edge = Edge(HERE)
    async with bus.connection(nats_url) as nats, line(nats_url) as (way, url):
        way.cut()
        async with listening(edge, url) as pokes:
            pokes.poke(THERE, KETTLE)
            await asyncio.sleep(0)
            way.mend()
            assert await poked(nats, KETTLE.encode()) == subjects.HERE
