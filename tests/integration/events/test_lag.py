"""Who is behind in the stream, and by how much."""

import time
from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig

from homeport.errors import Unavailable
from homeport.events import lag, publisher, subjects
from homeport.events.client import BusClient
from homeport.events.lag import Lag, Reader
from homeport.events.streams import StreamLimits
from homeport.runtime import bus
from tests.support import events

pytestmark = pytest.mark.integration


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[BusClient]:
    async with bus.connection(nats_url, StreamLimits(max_bytes=2**20)) as connected:
        yield connected


async def reader(nats: Client, durable: str, *, takes: int = 0) -> None:
    """Make a consumer that acknowledges the first so many events."""
    jetstream = nats.jetstream()
    await jetstream.add_consumer(
        subjects.STREAM,
        ConsumerConfig(durable_name=durable, ack_policy=AckPolicy.EXPLICIT),
    )
    subscription = await jetstream.pull_subscribe_bind(durable, subjects.STREAM)
    for message in await subscription.fetch(takes) if takes else ():
        await message.ack_sync()


async def test_a_stream_that_nobody_reads_says_how_full_it_is(nats: BusClient) -> None:
    await publisher.publish(nats, [events.deregistered(number) for number in range(3)])
    state = await lag.look(nats.jetstream())
    assert 500 < state.size_bytes < state.limit_bytes == 2**20
    assert state.lags == dict.fromkeys(Reader, Lag())


async def test_consumers_are_added_up_and_the_worst_of_them_is_told(
    nats: BusClient,
) -> None:
    await publisher.publish(nats, [events.deregistered(number) for number in range(5)])
    await reader(nats, subjects.DIRECTORY_DURABLE)
    await reader(nats, subjects.RENEWALS_DURABLE, takes=3)
    await reader(nats, subjects.replay_durable("a", "1"))
    found = (await lag.look(nats.jetstream())).lags[Reader.DIRECTORY]
    assert (found.events, found.most) == (7, 5)
    assert found.oldest == pytest.approx(time.time(), abs=10)


async def test_who_has_taken_everything_is_not_behind(nats: BusClient) -> None:
    await publisher.publish(nats, [events.deregistered(number) for number in range(5)])
    await reader(nats, subjects.DIRECTORY_DURABLE, takes=5)
    await reader(nats, "somebody", takes=4)
    lags = (await lag.look(nats.jetstream())).lags
    assert lags[Reader.DIRECTORY] == Lag()
    assert lags[Reader.OTHERS].events == 1


async def test_more_consumers_than_one_page_all_count(nats: BusClient) -> None:
    for number in range(lag.PAGE + 1):
        await reader(nats, f"other-{number}")
    await publisher.publish(nats, [events.deregistered(1)])
    lags = (await lag.look(nats.jetstream())).lags
    assert lags[Reader.OTHERS].events == lag.PAGE + 1


async def test_a_bus_without_the_stream_is_unavailable(nats: BusClient) -> None:
    await nats.jetstream().delete_stream(subjects.STREAM)
    with pytest.raises(Unavailable):
        await lag.look(nats.jetstream())
