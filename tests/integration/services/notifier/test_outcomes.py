"""Every request that was accepted ends once, whatever is killed meanwhile.

HOMEPORT_SOAK_REQUESTS says how many requests there are: 10000 take some minutes.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import orjson
import pytest
from nats.js.api import AckPolicy, ConsumerConfig

from homeport.events import subjects
from homeport.events.facts import FactName
from tests.support.downlink import PlayedEdge, played_edge
from tests.support.notifier import Site, responses, site
from tests.support.polling import until
from tests.support.sessions import Device, device

pytestmark = pytest.mark.integration

REQUESTS = int(os.environ.get("HOMEPORT_SOAK_REQUESTS", "200"))
AT_ONCE = 60
DEVICES = [device(f"urn:dev:{number}") for number in range(30)]


@pytest.fixture
async def opened(
    redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    async with site(
        redis_url, nats_url, postgres_url, channel_poll_seconds=0.3
    ) as made:
        await made.listen(cfg={"include_uid": True})
        yield made


class Ground:
    """Replicas that are killed and followed by others until it is calm."""

    def __init__(self, opened: Site) -> None:
        self.opened = opened
        self.urls: list[str] = []
        self.kills = 0
        self.told: dict[str, set[str]] = {}
        self._chance = random.Random(7)  # the same course every time
        self._numbers = iter(range(2, 1_000_000))

    async def edges(self, calm: asyncio.Event) -> None:
        """Run one edge after the other; all devices go on to the next one."""
        while True:
            async with played_edge(
                self.opened.settings.redis_url, self.opened.nats
            ) as edge:
                await asyncio.gather(*(self._contact(edge, each) for each in DEVICES))
                await self._live(calm)

    async def notifiers(self, calm: asyncio.Event) -> None:
        """Run one replica of the service after the other."""
        while True:
            doomed = await self.opened.crash()
            try:
                await self._live(calm)
            finally:
                await stop(doomed)

    async def routes(self, calm: asyncio.Event) -> None:
        """Run one replica of the routes after the other."""
        while True:
            async with self.opened.routes() as url:
                self.urls = [url, self.opened.url]
                await self._live(calm)

    async def _live(self, calm: asyncio.Event) -> None:
        """Return when it is time to die: after a while or some ends, one at least."""
        clock, before = asyncio.get_running_loop().time, len(self.told)
        most, until_ = self._chance.randint(30, 60), self._chance.uniform(0.3, 1.5)
        until_ += clock()
        while not calm.is_set():
            ends = len(self.told) - before
            if ends and (ends >= most or clock() >= until_):
                break
            await asyncio.sleep(0.02)
        if calm.is_set():
            await asyncio.Event().wait()
        self.kills += 1

    async def _contact(self, edge: PlayedEdge, each: Device) -> None:
        (session,) = await edge.store.sessions.read([each.id])
        number = next(self._numbers)
        if session is None:
            await edge.register(each, number)
            return
        key = f"{{b{each.bucket}}}:session:{each.id}"
        found = await edge.store.redis.hget(key, "registration_id")
        assert found is not None
        await edge.store.do(each.refresh(number, found.decode()))
        await edge.serve(each.id)


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def asked(ground: Ground, number: int, gate: asyncio.Semaphore) -> str:
    """Ask until a request is accepted, and until its end is told; return its id."""
    async_id = f"request-{number}"
    path = f"/v2/device-requests/{DEVICES[number % len(DEVICES)].id}"
    async with gate, httpx.AsyncClient(headers=ground.opened.client.headers) as client:
        while True:
            try:
                answer = await client.post(
                    ground.urls[number % 2] + path,
                    params={"async-id": async_id, "retry": "2"},
                    json={"method": "GET", "uri": "/3/0/9"},
                )
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code == 202:
                break
            await asyncio.sleep(0.05)
        while async_id not in ground.told:
            await asyncio.sleep(0.02)
    return async_id


@pytest.mark.conforms("C-251", "R-126", "B-131")
async def test_each_accepted_request_ends_once(opened: Site) -> None:
    ground, calm, gate = Ground(opened), asyncio.Event(), asyncio.Semaphore(AT_ONCE)
    async with AsyncExitStack() as stack:
        for work in (ground.edges, ground.notifiers, ground.routes):
            stack.push_async_callback(stop, asyncio.create_task(work(calm)))

        async def ready() -> bool:
            return len(ground.urls) == 2

        await until(ready)
        async with opened.socket() as socket:
            asking = asyncio.gather(
                *(asked(ground, number, gate) for number in range(REQUESTS))
            )
            while len(ground.told) < REQUESTS:
                for each in await responses(socket, 1):
                    ground.told.setdefault(each["id"], set()).add(each["uid"])
            calm.set()
            assert set(ground.told) == set(await asking)
            assert {len(uids) for uids in ground.told.values()} == {1}

            async def forgotten() -> bool:
                return not await opened.query("SELECT FROM notifier.open_requests")

            await until(forgotten)
    assert ground.kills >= 5
    ends = await completed(opened)
    assert len(ends) == REQUESTS
    assert set(ends.values()) == {1}


async def completed(opened: Site) -> Counter[str]:
    """Count the ends of each request in the stream."""
    jetstream = opened.nats.jetstream()
    subject = subjects.of_fact(FactName.REQUEST_COMPLETED)
    reading = await jetstream.pull_subscribe(
        subject,
        stream=subjects.STREAM,
        config=ConsumerConfig(ack_policy=AckPolicy.NONE),
    )
    found: Counter[str] = Counter()
    while (await reading.consumer_info()).num_pending:
        for message in await reading.fetch(1_000, timeout=1):
            found[orjson.loads(message.data)["request_id"]] += 1
    await reading.unsubscribe()
    return found
