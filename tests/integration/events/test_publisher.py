"""All of a batch or none, and nothing twice."""

from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client

from homeport.errors import Unavailable
from homeport.events import publisher, subjects
from homeport.events.cloudevents import Envelope
from homeport.names import DeviceId
from homeport.runtime import bus
from tests.support.events import deregistered, stored

pytestmark = pytest.mark.integration


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[Client]:
    async with bus.connection(nats_url) as client:
        yield client


async def test_a_batch_is_stored_in_order(nats: Client) -> None:
    batch = [deregistered(number) for number in range(publisher.MAX_BATCH)]
    await publisher.publish(nats, batch)
    assert await stored(nats) == [envelope.id for envelope in batch]


async def test_events_of_several_devices_are_stored_in_order(nats: Client) -> None:
    batch = _of_several_devices(publisher.ATOMIC_FROM - 1)
    await publisher.publish(nats, batch)
    assert await stored(nats) == [envelope.id for envelope in batch]


async def test_what_the_stream_refuses_the_caller_hears_of(nats: Client) -> None:
    jetstream = nats.jetstream()
    found = await jetstream.stream_info(subjects.STREAM)
    await jetstream.update_stream(found.config.evolve(max_msg_size=10))
    with pytest.raises(Unavailable, match="size"):
        await publisher.publish(nats, _of_several_devices(3))


async def test_acknowledgements_that_do_not_come_are_not_awaited_for_ever(
    nats: Client,
) -> None:
    with pytest.raises(Unavailable, match="Timeout"):
        await publisher.publish(nats, _of_several_devices(3), timeout_seconds=0)


async def test_what_was_published_before_is_dropped(nats: Client) -> None:
    await publisher.publish(nats, [deregistered(1), deregistered(2)])
    await publisher.publish(nats, [deregistered(number) for number in range(1, 5)])
    assert len(await stored(nats)) == 4


async def test_a_single_event_needs_no_batch(nats: Client) -> None:
    await publisher.publish(nats, [deregistered(1)])
    await publisher.publish(nats, [deregistered(1)])
    assert len(await stored(nats)) == 1


async def test_nothing_is_published_of_nothing(nats: Client) -> None:
    await publisher.publish(nats, [])
    assert await stored(nats) == []


async def test_without_a_stream_the_caller_hears_of_it(nats: Client) -> None:
    await nats.jetstream().delete_stream(subjects.STREAM)
    for batch in ([deregistered(1)], [deregistered(1), deregistered(2)]):
        with pytest.raises(Unavailable, match="NATS"):
            await publisher.publish(nats, batch, timeout_seconds=1)


def _of_several_devices(count: int) -> list[Envelope]:
    return [
        deregistered(number, device=DeviceId(f"{number:032x}"))
        for number in range(count)
    ]
