"""What waits between the stores is shown as it is."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from nats.js.api import ConsumerConfig
from prometheus_client import REGISTRY

from homeport.events import publisher, subjects
from homeport.events.client import BusClient
from homeport.runtime import bus
from homeport.store import keys
from services.expiry.survey import Survey
from tests.support import events
from tests.support.sessions import BUCKETS, Edge, device, edge

pytestmark = pytest.mark.integration


def shown(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Edge]:
    async with edge(redis_url) as made:
        yield made


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[BusClient]:
    async with bus.connection(nats_url) as connected:
        yield connected


def survey(store: Edge, nats: BusClient, *, later: float = 0) -> Survey:
    return Survey(
        store.redis,
        store.clock,
        nats.jetstream(),
        buckets=BUCKETS,
        now=lambda: datetime.now(UTC) + timedelta(seconds=later),
    )


async def test_what_the_store_holds_is_shown(store: Edge, nats: BusClient) -> None:
    await store.do(device().register(1))
    await survey(store, nats).look_at_store()
    assert shown("homeport_registrations") == 1
    assert shown("homeport_outbox_events") == 1


async def test_the_age_of_the_oldest_event_is_by_the_clock_of_the_store(
    store: Edge, nats: BusClient
) -> None:
    now = (await store.registry.look()).now
    await store.redis.xadd(keys.outbox(1), {"head": ""}, f"{int(now) - 60_000}-1")
    await survey(store, nats).look_at_store()
    assert shown("homeport_outbox_oldest_age_seconds") == pytest.approx(60, abs=2)


async def test_an_empty_outbox_has_no_age(store: Edge, nats: BusClient) -> None:
    await survey(store, nats).look_at_store()
    assert shown("homeport_outbox_oldest_age_seconds") == 0


async def test_a_reader_that_is_behind_is_shown_with_its_age(
    store: Edge, nats: BusClient
) -> None:
    wanted = ConsumerConfig(durable_name=subjects.NOTIFIER_DURABLE)
    await nats.jetstream().add_consumer(subjects.STREAM, wanted)
    await publisher.publish(nats, [events.deregistered(number) for number in range(3)])
    await survey(store, nats, later=100).look_at_stream()
    name = "homeport_stream_waiting_events"
    assert shown(name, reader="notifier") == 3
    assert shown(name, reader="directory") == 0
    age = shown("homeport_stream_oldest_age_seconds", reader="notifier")
    assert age == pytest.approx(100, abs=5)
    assert (shown("homeport_stream_size_bytes") or 0) > 500
