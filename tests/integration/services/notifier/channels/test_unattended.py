"""What waits where nobody reads is counted, and what is lost there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from prometheus_client import REGISTRY

from homeport.events import subjects
from homeport.keyring import Keyring
from homeport.runtime import database
from services.notifier.channels.channels import Kind
from services.notifier.channels.claims import claims
from services.notifier.channels.interests import Interests
from services.notifier.channels.store import ChannelStore
from services.notifier.channels.unattended import Stores, Unattended
from services.notifier.named_consumers.consumer_store import ConsumerStore
from services.notifier.schema import MIGRATIONS, SCHEMA
from services.notifier.stream.cursors import Cursors
from services.notifier.stream.places import Places
from services.notifier.subscriptions.subscriptions import NOTHING, Interest
from tests.support.keyring import SECRET_KEY
from tests.support.notifier import Site, deregistrations, site
from tests.support.polling import until

pytestmark = pytest.mark.integration

CONSUMERS = "/v2/notification/consumers"
BACKLOG = "/v2/notification/channel/backlog"


@pytest.fixture
async def opened(
    redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    async with site(redis_url, nats_url, postgres_url, pull_seconds=0.2) as made:
        yield made


@asynccontextmanager
async def unattended(opened: Site) -> AsyncIterator[Unattended]:
    async def interest(_: str) -> Interest:
        return NOTHING

    url = opened.settings.postgres_url.get_secret_value()
    async with database.connections(
        url, schema=SCHEMA, migrations=MIGRATIONS
    ) as engine:
        yield Unattended(
            Places(opened.nats),
            Stores(
                ChannelStore(engine, Keyring.parse(SECRET_KEY)),
                ConsumerStore(engine, most=10),
                Cursors(engine),
            ),
            claims=partial(claims, url, Kind.CALLBACK, Interests(interest)),
            seconds=60,
        )


def metric(name: str) -> float:
    return REGISTRY.get_sample_value(f"homeport_notifier_{name}") or 0


async def test_what_is_lost_is_counted_of_channels_and_consumers(
    opened: Site,
) -> None:
    await opened.listen()
    await opened.client.put(f"{CONSUMERS}/all")
    await opened.happen(*deregistrations(10))
    before = metric("events_dropped_total")
    async with unattended(opened) as looking:
        await looking.look()
        assert metric("consumers_waiting_events") == 10
        await opened.nats.jetstream().purge_stream(subjects.STREAM, keep=4)
        await opened.happen(*deregistrations(1, start=10))
        await looking.look()
        assert metric("events_dropped_total") - before == 12
        assert metric("consumers_waiting_most_events") == 5
        assert 0 < metric("channels_oldest_age_seconds") < 20
        await opened.client.delete("/v2/notification/websocket")
        await looking.look()
        assert metric("channels_oldest_age_seconds") == 0
    await opened.listen()
    assert (await opened.client.get(BACKLOG)).json() == {"waiting": 5, "dropped": 6}
    found = (await opened.client.get(f"{CONSUMERS}/all")).json()
    assert (found["waiting"], found["dropped"]) == (5, 6)


async def test_what_a_served_channel_has_taken_is_not_lost(opened: Site) -> None:
    await opened.listen()
    await opened.happen(*deregistrations(4))
    async with opened.socket() as socket, asyncio.timeout(20):
        await socket.recv()

        async def accepted() -> bool:
            (row,) = await opened.query("SELECT place FROM notifier.cursors")
            return bool(row["place"] == 4)

        await until(accepted)
        async with unattended(opened) as looking:
            await looking.look()
            await opened.nats.jetstream().purge_stream(subjects.STREAM)
            await looking.look()
    backlog = await opened.client.get(BACKLOG)
    assert backlog.json() == {"waiting": 0, "dropped": 0}


async def test_one_replica_looks_at_a_time(opened: Site) -> None:
    await opened.listen()
    url = opened.settings.postgres_url.get_secret_value()

    async def interest(_: str) -> Interest:
        return NOTHING

    async with (
        claims(url, Kind.CALLBACK, Interests(interest)) as other,
        unattended(opened) as looking,
    ):
        assert await other.claim(["unattended"])
        await opened.happen(*deregistrations(1))
        await looking.look()
        (row,) = await opened.query("SELECT looked FROM notifier.cursors")
        assert row["looked"] == 0
        await other.release("unattended")
        await looking.look()
        (row,) = await opened.query("SELECT looked FROM notifier.cursors")
        assert row["looked"] == 1


async def test_a_place_is_forgotten_long_after_its_channel(opened: Site) -> None:
    await opened.listen()
    old = "UPDATE notifier.cursors SET used_at = now() - interval '49 hours'"
    async with unattended(opened) as looking:
        await opened.query(old)
        await looking.look()
        assert await opened.query("SELECT * FROM notifier.cursors")
        await opened.client.delete("/v2/notification/websocket")
        await looking.look()
        assert await opened.query("SELECT * FROM notifier.cursors")
        await opened.query(old)
        await looking.look()
        assert not await opened.query("SELECT * FROM notifier.cursors")


async def test_the_service_looks_by_itself(opened: Site) -> None:
    await opened.client.put(f"{CONSUMERS}/all")
    await opened.happen(*deregistrations(2))
    async with opened.running(cursor_sweep_seconds=0.05):

        async def looked() -> bool:
            (row,) = await opened.query("SELECT waiting FROM notifier.cursors")
            return bool(row["waiting"] == 2)

        await until(looked)
