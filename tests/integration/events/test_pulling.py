"""What comes is taken in order, by as many as take, and given back by who leaves."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig

from homeport.errors import Unavailable
from homeport.events import publisher, pulling, subjects
from homeport.events.client import BusClient
from homeport.events.pulling import Pull
from homeport.runtime import bus
from tests.support.events import deregistered

pytestmark = pytest.mark.integration

DURABLE = "tests"
MOST = 100


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[BusClient]:
    async with bus.connection(nats_url) as client:
        await _make(client)
        yield client


@pytest.fixture
async def pull(nats: BusClient) -> AsyncIterator[Pull]:
    made = Pull(nats, subjects.STREAM, DURABLE)
    await made.open()
    yield made
    await made.close()


async def _make(nats: BusClient) -> None:
    await nats.jetstream().add_consumer(
        subjects.STREAM,
        ConsumerConfig(durable_name=DURABLE, ack_policy=AckPolicy.EXPLICIT),
    )


async def _happen(nats: BusClient, *numbers: int) -> None:
    await publisher.publish(nats, [deregistered(number) for number in numbers])


async def _take(pull: Pull, *, pace: float = 0) -> list[Msg]:
    return await pull.take(MOST, patience=20, pace=pace)


async def _take_all(pull: Pull, count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        found += _numbers(await _take(pull))
    return found


async def _unacknowledged(nats: BusClient) -> int | None:
    found = await nats.jetstream().consumer_info(subjects.STREAM, DURABLE)
    return found.num_ack_pending


def _numbers(messages: Sequence[Msg]) -> list[int]:
    return [
        int(message.headers["ce-id"].partition(".")[2])
        for message in messages
        if message.headers
    ]


async def test_what_comes_is_taken_in_order(nats: BusClient, pull: Pull) -> None:
    await _happen(nats, *range(250))
    assert await _take_all(pull, 250) == list(range(250))


async def test_a_batch_has_an_end(nats: BusClient, pull: Pull) -> None:
    await _happen(nats, *range(MOST + 1))
    assert len(await _take(pull)) <= MOST


async def test_nothing_comes_of_nothing(pull: Pull) -> None:
    assert await pull.take(MOST, patience=0.01, pace=0) == []


async def test_a_single_event_does_not_wait_for_company(
    nats: BusClient, pull: Pull
) -> None:
    await _happen(nats, 1)
    async with asyncio.timeout(20):
        assert _numbers(await _take(pull, pace=3600)) == [1]


async def test_batches_that_are_not_full_come_at_their_pace(
    nats: BusClient, pull: Pull
) -> None:
    await _happen(nats, 1)
    await _take(pull, pace=3600)
    taking = asyncio.create_task(_take(pull, pace=3600))
    await _happen(nats, *range(2, MOST + 1))
    assert (await asyncio.wait([taking], timeout=0.1))[1]
    await _happen(nats, MOST + 1)
    async with asyncio.timeout(20):
        assert len(await taking) == MOST


async def test_several_who_take_get_each_event_once(
    nats: BusClient, pull: Pull
) -> None:
    takers = [asyncio.create_task(_take(pull)) for _ in range(2)]
    await _happen(nats, 1)
    await asyncio.wait(takers, return_when=asyncio.FIRST_COMPLETED, timeout=20)
    await _happen(nats, 2)
    async with asyncio.timeout(20):
        found = [_numbers(batch) for batch in await asyncio.gather(*takers)]
    assert sorted(found) == [[1], [2]]


async def test_what_nobody_has_taken_is_given_back(nats: BusClient, pull: Pull) -> None:
    await _happen(nats, 1)
    await _take(pull)
    await _happen(nats, 2, 3)
    await pull.close()
    other = Pull(nats, subjects.STREAM, DURABLE)
    await other.open()
    async with asyncio.timeout(5):
        assert await _take_all(other, 2) == [2, 3]
    await other.close()
    await other.close()


async def test_a_batch_is_acknowledged_as_one(nats: BusClient, pull: Pull) -> None:
    await _happen(nats, *range(10))
    batch: list[Msg] = []
    while len(batch) < 10:
        batch += await _take(pull)
    assert await _unacknowledged(nats) == 10
    await pulling.answer(batch, Msg.Ack.Ack)
    await pulling.answer([], Msg.Ack.Ack)
    async with asyncio.timeout(20):
        while await _unacknowledged(nats):
            await asyncio.sleep(0.01)


async def test_a_lost_question_is_repeated(nats: BusClient, pull: Pull) -> None:
    taking = asyncio.create_task(_take(pull))
    await nats.flush()
    assert nats._transport is not None
    nats._transport.close()
    async with asyncio.timeout(20):
        while nats.is_connected:
            await asyncio.sleep(0)
        while not nats.is_connected:
            await asyncio.sleep(0.01)
        await _happen(nats, 1)
        assert _numbers(await taking) == [1]


async def test_of_a_consumer_that_is_gone_whoever_takes_hears(
    nats: BusClient, pull: Pull
) -> None:
    taking = asyncio.create_task(_take(pull))
    await nats.flush()
    await nats.jetstream().delete_consumer(subjects.STREAM, DURABLE)
    with pytest.raises(Unavailable, match=r"Consumer Deleted|no such consumer"):
        await taking
    with pytest.raises(Unavailable, match="no such consumer"):
        await _take(pull)
    await _make(nats)
    await _happen(nats, 1)
    assert _numbers(await _take(pull)) == [1]


async def test_whoever_leaves_does_not_wait_for_a_server_that_is_away(
    nats: BusClient, pull: Pull
) -> None:
    await _happen(nats, 1, 2)
    await pull.take(1, patience=20, pace=0)
    await nats.close()
    async with asyncio.timeout(1):
        await pull.close()
