"""A replay takes the stream from a place on, and leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from nats.aio.msg import Msg

from homeport.errors import Unavailable
from homeport.events import publisher, subjects
from homeport.events.client import BusClient
from homeport.runtime import bus
from services.notifier.stream import replays
from services.notifier.stream.jetstream import mark
from services.notifier.stream.replays import Replay
from tests.support.notifier import ACCOUNT, deregistrations

pytestmark = pytest.mark.integration

OWNER = "b" * 32
OURS = [subjects.of_account(ACCOUNT)]


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[BusClient]:
    async with bus.connection(nats_url) as client:
        yield client


async def test_it_takes_what_comes_after_its_place(nats: BusClient) -> None:
    await publisher.publish(nats, deregistrations(5))
    replay = Replay(nats, OWNER, place=2)
    await replay.open(OURS)
    batch = await replay.take(20)
    assert batch is not None
    assert [each.sequence for each in batch] == [3, 4, 5]
    assert (replay.place, replay.waiting) == (5, 0)
    assert await replay.take(0.01) == []
    await replay.close()


async def there(nats: BusClient) -> bool:
    return bool(await nats.jetstream().consumers_info(subjects.STREAM))


async def test_it_is_there_until_it_is_closed(nats: BusClient) -> None:
    replay = Replay(nats, OWNER, place=0)
    await replay.open(OURS)
    assert await there(nats)
    await replay.close()
    assert not await there(nats)
    await replays.end(nats, OWNER, replay.identity)


async def test_it_is_over_when_somebody_ends_it(nats: BusClient) -> None:
    replay = Replay(nats, OWNER, place=0)
    await replay.open(OURS)
    waiting = asyncio.create_task(replay.take(20))
    await replays.end(nats, OWNER, replay.identity)
    assert await waiting is None
    await replay.close()


async def test_an_event_that_was_lost_on_its_way_is_noticed(
    nats: BusClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear = Replay._hear

    def lose_the_second(replay: Replay, message: Msg) -> None:
        if not message.reply or mark(message).number != 2:
            hear(replay, message)

    monkeypatch.setattr(Replay, "_hear", lose_the_second)
    await publisher.publish(nats, deregistrations(3))
    replay = Replay(nats, OWNER, place=0)
    await replay.open(OURS)
    with pytest.raises(Unavailable):
        await _drain(replay)
    await replay.close()


async def _drain(replay: Replay) -> None:
    while await replay.take(20):
        pass
