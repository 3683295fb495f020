"""Requests that a lost Redis held are ended by the notifier."""

from collections.abc import AsyncIterator

import pytest

from tests.support.downlink import PlayedEdge, played_edge
from tests.support.notifier import Site, responses, site
from tests.support.polling import until
from tests.support.sessions import device

pytestmark = pytest.mark.integration

DEVICE = device()
READ = {"method": "GET", "uri": "/3/0/9"}


@pytest.fixture
async def opened(
    redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    async with (
        site(
            redis_url,
            nats_url,
            postgres_url,
            channel_poll_seconds=0.3,
            request_sweep_seconds=0.1,
        ) as made,
        made.running(),
    ):
        await made.listen()
        yield made


@pytest.fixture
async def edge(opened: Site) -> AsyncIterator[PlayedEdge]:
    async with played_edge(
        opened.settings.redis_url, opened.nats, answer=lambda _: None
    ) as made:
        await made.register(DEVICE)
        yield made


async def ask(opened: Site, async_id: str) -> None:
    answer = await opened.client.post(
        f"/v2/device-requests/{DEVICE.id}", params={"async-id": async_id}, json=READ
    )
    assert answer.status_code == 202


async def test_a_request_that_is_lost_is_ended(opened: Site, edge: PlayedEdge) -> None:
    async with opened.socket() as socket:
        await ask(opened, "lost")
        await edge.store.redis.flushall()
        (told,) = await responses(socket, 1)
    assert told == {
        "id": "lost",
        "status": 429,
        "error": "DEVICE_REMOVED_REGISTRATION",
        "payload": "",
    }

    async def forgotten() -> bool:
        return not await opened.query("SELECT FROM notifier.open_requests")

    await until(forgotten)
