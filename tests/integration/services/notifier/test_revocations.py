"""A key that is deleted takes its channel, its socket and its subscriptions along."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from homeport.store import trust
from tests.support.downlink import PlayedEdge, played_edge
from tests.support.notifier import KEY, KEY_ID, Site, site
from tests.support.polling import until
from tests.support.sessions import device
from tests.support.webhook import webhook

pytestmark = pytest.mark.integration

DEVICE = device()
ROWS = """
    SELECT key_id FROM notifier.channels UNION ALL
    SELECT key_id FROM notifier.subscriptions UNION ALL
    SELECT key_id FROM notifier.presubscriptions WHERE rules <> '[]'
"""


@pytest.fixture
async def opened(
    redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    async with site(
        redis_url,
        nats_url,
        postgres_url,
        channel_poll_seconds=0.3,
        key_sweep_seconds=0.2,
    ) as made:
        await made.listen()
        yield made


@pytest.fixture
async def edge(opened: Site) -> AsyncIterator[PlayedEdge]:
    async with played_edge(opened.settings.redis_url, opened.nats) as made:
        await made.register(DEVICE, observed="015e /3/0/9\n")
        yield made


async def delete(opened: Site) -> None:
    await opened.trust.remove_api_key(trust.digest(KEY), KEY_ID)


async def nothing_left(opened: Site) -> None:
    """Wait until nothing is left of KEY."""

    async def gone() -> bool:
        return not await opened.query(ROWS)

    await until(gone)


async def test_it_is_heard_at_once(
    opened: Site, edge: PlayedEdge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notifier.channels.sockets.LOOK_SECONDS", 60.0)
    async with opened.running(key_sweep_seconds=60.0):
        path = f"/v2/subscriptions/{DEVICE.id}/3/0/9"
        assert (await opened.client.put(path)).status_code == 200
        rules = await opened.client.put("/v2/subscriptions", json=[{}])
        assert rules.status_code == 204
        async with opened.socket() as socket:
            await opened.until_served()
            await delete(opened)
            async with asyncio.timeout(20):
                await socket.wait_closed()
            assert socket.close_code == 1008
        await nothing_left(opened)
        assert (await opened.client.get("/v2/subscriptions")).status_code == 401


async def test_what_nobody_has_heard_is_found(opened: Site) -> None:
    await delete(opened)
    async with opened.running():
        await nothing_left(opened)


async def test_what_waits_for_a_key_that_had_a_channel_once_goes_too(
    opened: Site,
) -> None:
    assert (await opened.client.delete("/v2/notification/websocket")).status_code == 204
    await delete(opened)

    async def forgotten() -> bool:
        return not await opened.query("SELECT owner FROM notifier.cursors")

    assert not await forgotten()
    async with opened.running():
        await until(forgotten)


async def test_a_named_consumer_is_no_key_s(opened: Site) -> None:
    made = await opened.client.put("/v2/notification/consumers/mine", json={})
    assert made.status_code == 201
    await delete(opened)
    async with opened.running():
        await nothing_left(opened)

        async def left() -> bool:
            rows = await opened.query("SELECT owner FROM notifier.cursors")
            named = await opened.query("SELECT id FROM notifier.consumers")
            return [row["owner"] for row in rows] == [row["id"] for row in named] != []

        await until(left)


async def test_other_keys_stay(opened: Site) -> None:
    other = await opened.allow("ak_1other", "c" * 32)
    async with opened.running(), webhook() as receiver:
        await opened.client.put(
            "/v2/notification/callback", json={"url": receiver.url}, headers=other
        )
        await delete(opened)

        async def one() -> bool:
            return [row["key_id"] for row in await opened.query(ROWS)] == ["c" * 32]

        await until(one)
