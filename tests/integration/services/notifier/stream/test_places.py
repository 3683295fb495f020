"""What is asked of the stream about its places, on a real one."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from homeport.errors import Unavailable
from homeport.events import publisher, subjects
from homeport.events.client import BusClient
from homeport.events.facts import FactName
from homeport.names import AccountId
from homeport.runtime import bus
from services.notifier.stream.places import Bounds, Places
from tests.support.notifier import ACCOUNT, deregistrations, event

pytestmark = pytest.mark.integration

OTHER = AccountId("c" * 32)
OURS = subjects.of_account(ACCOUNT)


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[BusClient]:
    async with bus.connection(nats_url) as client:
        yield client


async def test_an_empty_stream_begins_behind_its_end(nats: BusClient) -> None:
    places = Places(nats)
    assert await places.bounds() == Bounds(1, 0)
    assert await places.waiting([OURS], after=0) == 0
    assert await places.newest(OURS) == 0
    assert await places.before(datetime.now(UTC) - timedelta(days=1)) == 0


async def test_events_are_counted_by_their_subjects_and_places(
    nats: BusClient,
) -> None:
    places = Places(nats)
    await publisher.publish(nats, deregistrations(3))
    await publisher.publish(nats, deregistrations(2, account=OTHER))
    await publisher.publish(
        nats, [event(FactName.DEVICE_BOOTSTRAPPING, number) for number in range(2, 6)]
    )
    assert await places.bounds() == Bounds(1, 9)
    assert await places.waiting([OURS], after=0) == 7
    assert await places.waiting([OURS], after=2) == 5
    assert await places.waiting([OURS], after=9) == 0
    facts = [
        subjects.subject(ACCOUNT, FactName.DEVICE_DEREGISTERED),
        subjects.subject(ACCOUNT, FactName.DEVICE_BOOTSTRAPPING),
        subjects.subject(ACCOUNT, FactName.DEVICE_REGISTERED),
    ]
    assert await places.waiting(facts, after=1) == 6
    assert await places.waiting(facts[:1], after=0) == 3
    assert await places.newest(subjects.of_account(OTHER)) == 5


async def test_a_time_has_a_place(nats: BusClient) -> None:
    places = Places(nats)
    await publisher.publish(nats, deregistrations(2))
    second = await nats.jetstream().get_msg(subjects.STREAM, 2)
    assert second.time is not None
    assert await places.before(second.time - timedelta(minutes=1)) == 0
    assert await places.before(second.time + timedelta(microseconds=1)) == 2
    assert await places.before(datetime.now(UTC) + timedelta(days=1)) == 2


async def test_what_left_the_stream_is_not_counted(nats: BusClient) -> None:
    places = Places(nats)
    await publisher.publish(nats, deregistrations(5))
    await nats.jetstream().purge_stream(subjects.STREAM, keep=2)
    assert await places.bounds() == Bounds(4, 5)
    assert await places.waiting([OURS], after=0) == 2
    await nats.jetstream().purge_stream(subjects.STREAM)
    assert await places.bounds() == Bounds(6, 5)


async def test_nothing_is_known_without_the_stream(nats: BusClient) -> None:
    await nats.jetstream().delete_stream(subjects.STREAM)
    with pytest.raises(Unavailable):
        await Places(nats).bounds()
    with pytest.raises(Unavailable):
        await Places(nats).newest(OURS)


async def test_a_place_that_the_stream_has_not_come_to_is_of_another_one(
    nats: BusClient,
) -> None:
    places = Places(nats)
    await publisher.publish(nats, deregistrations(2))
    assert await places.reach(2)
    assert not await places.reach(3)
    await publisher.publish(nats, deregistrations(1, start=2))
    assert await places.reach(3)
    await nats.jetstream().delete_stream(subjects.STREAM)
    assert await places.reach(3)
    places.doubt()
    with pytest.raises(Unavailable):
        await places.reach(3)
