"""Events come in the order of the stream, each once, however they are come by."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
from nats.aio.msg import Msg
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.events import publisher, subjects
from homeport.events.client import BusClient
from homeport.events.facts import FactName
from homeport.runtime import bus
from services.notifier.channels.messages import Taken
from services.notifier.stream import inbox as module
from services.notifier.stream import replays as replays_module
from services.notifier.stream.bookmarks import Bookmarks
from services.notifier.stream.cursors import Cursors
from services.notifier.stream.feeds import Feed, Feeds
from services.notifier.stream.inbox import Inbox, Sources
from services.notifier.stream.places import Places
from tests.support.notifier import ACCOUNT, deregistrations, event
from tests.support.polling import until

pytestmark = pytest.mark.integration

OWNER = "b" * 32


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[BusClient]:
    async with bus.connection(nats_url) as client:
        yield client


@pytest.fixture
async def sources(nats: BusClient, engine: AsyncEngine) -> Sources:
    places, cursors = Places(nats), Cursors(engine)
    await cursors.begin(OWNER, ACCOUNT, 0)
    return Sources(nats, places, Feeds(nats, places), cursors, Bookmarks(cursors))


@pytest.fixture
async def inbox(sources: Sources) -> AsyncIterator[Inbox]:
    made = Inbox(sources, OWNER, ACCOUNT, 0)
    yield made
    await made.release()


async def take(inbox: Inbox, count: int) -> list[int]:
    """Take so many events or more; return their places."""
    found: list[Taken] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            if waking := await inbox.rest():
                await waking
            found += await inbox.take()
            inbox.acknowledge()
    return [each.sequence for each in found]


async def replays(nats: BusClient) -> int:
    return len(await nats.jetstream().consumers_info(subjects.STREAM))


async def hear_all(nats: BusClient, inbox: Inbox) -> None:
    """Let nothing wait in the stream that is not heard."""
    waking = await inbox.rest()
    assert waking is not None
    assert not waking.done()
    assert await replays(nats) == 0


def miss(monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    """Let one event be lost on its way."""
    hear = Feed.hear

    def hear_others(feed: Feed, message: Msg) -> None:
        if (message.headers or {})["Nats-Sequence"] != str(place):
            hear(feed, message)

    monkeypatch.setattr(Feed, "hear", hear_others)


async def test_what_waits_is_read_and_then_what_comes_is_heard(
    nats: BusClient, inbox: Inbox
) -> None:
    await publisher.publish(nats, deregistrations(3))
    assert await take(inbox, 3) == [1, 2, 3]
    await hear_all(nats, inbox)
    await publisher.publish(nats, deregistrations(2, start=3))
    assert await take(inbox, 2) == [4, 5]
    assert await replays(nats) == 0


async def test_reading_ends_though_more_keeps_coming(
    nats: BusClient, inbox: Inbox
) -> None:
    await publisher.publish(nats, deregistrations(500))

    async def happen() -> None:
        for start in itertools.count(500):
            await publisher.publish(nats, deregistrations(1, start=start))

    happening = asyncio.create_task(happen())
    places = await take(inbox, 500)
    async with asyncio.timeout(20):
        while await replays(nats):
            places += await take(inbox, 1)
    places += await take(inbox, 20)
    assert places == list(range(1, len(places) + 1))
    happening.cancel()
    await asyncio.gather(happening, return_exceptions=True)


async def test_a_replay_that_was_lost_is_followed_by_another_one(
    nats: BusClient, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays_module, "BATCH", 100)
    for start in range(0, 600, 300):
        await publisher.publish(nats, deregistrations(300, start=start))
    places = await take(inbox, 100)
    (replay,) = await nats.jetstream().consumers_info(subjects.STREAM)
    await nats.jetstream().delete_consumer(subjects.STREAM, replay.name)
    places += await take(inbox, 600 - len(places))
    assert places == list(range(1, 601))


async def test_what_is_not_acknowledged_comes_again_after_a_release(
    nats: BusClient, inbox: Inbox
) -> None:
    await hear_all(nats, inbox)
    await publisher.publish(nats, deregistrations(1))
    assert await take(inbox, 1) == [1]
    await publisher.publish(nats, deregistrations(2, start=1))
    if waking := await inbox.rest():
        await waking
    assert await inbox.take()
    await inbox.release()
    assert await take(inbox, 2) == [2, 3]


async def test_who_does_not_keep_up_reads_again(
    nats: BusClient, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_HEARD", 5)
    await hear_all(nats, inbox)
    await publisher.publish(nats, deregistrations(20))
    assert await take(inbox, 20) == list(range(1, 21))


@pytest.mark.parametrize("bound", ["MOST_HEARD_BYTES", "MOST_HELD_BYTES"])
async def test_what_was_heard_is_bounded_in_bytes(
    nats: BusClient,
    sources: Sources,
    inbox: Inbox,
    monkeypatch: pytest.MonkeyPatch,
    bound: str,
) -> None:
    monkeypatch.setattr(module, bound, 1000)
    await hear_all(nats, inbox)
    for start in range(0, 40, 2):
        await publisher.publish(nats, deregistrations(2, start=start))
        assert await take(inbox, 2) == [start + 1, start + 2]
    await publisher.publish(nats, deregistrations(20, start=40))
    assert await take(inbox, 20) == list(range(41, 61))
    await hear_all(nats, inbox)
    assert sources.feeds.held == 0


async def test_what_was_read_is_not_taken_once_more_when_it_is_heard(
    nats: BusClient, inbox: Inbox
) -> None:
    await publisher.publish(nats, deregistrations(3))
    assert await take(inbox, 3) == [1, 2, 3]
    await hear_all(nats, inbox)
    inbox.hear(Taken(3, 0, b"{}"), 0)
    await hear_all(nats, inbox)
    await publisher.publish(nats, deregistrations(1, start=3))
    assert await take(inbox, 1) == [4]


async def test_a_batch_has_an_end(nats: BusClient, inbox: Inbox) -> None:
    await hear_all(nats, inbox)
    for start in range(0, 1500, 500):
        await publisher.publish(nats, deregistrations(500, start=start))

    async def all_heard() -> bool:
        return inbox.behind(1501) and not inbox.behind(1500)

    await until(all_heard)
    batches = [len(await inbox.take()) for _ in range(3)]
    assert batches == [module.BATCH, 500, 0]


async def test_what_was_missed_on_the_way_is_read(
    nats: BusClient, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    miss(monkeypatch, 3)
    await hear_all(nats, inbox)
    await publisher.publish(nats, deregistrations(2))
    assert await take(inbox, 2) == [1, 2]
    await publisher.publish(nats, deregistrations(3, start=2))
    places = await take(inbox, 3)
    assert places[-3:] == [3, 4, 5]


async def test_what_was_missed_may_show_after_others_were_taken(
    nats: BusClient, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    miss(monkeypatch, 2)
    await hear_all(nats, inbox)
    await publisher.publish(nats, [event(FactName.DEVICE_DEREGISTERED, 1)])
    await publisher.publish(nats, [event(FactName.REGISTRATION_EXPIRED, 2)])
    await publisher.publish(nats, [event(FactName.DEVICE_DEREGISTERED, 3)])
    assert await take(inbox, 2) == [1, 3]
    losing = await inbox.rest()
    assert losing is not None
    await publisher.publish(nats, [event(FactName.REGISTRATION_EXPIRED, 4)])
    await losing
    await inbox.release()
    assert await take(inbox, 3) == [2, 3, 4]


async def test_a_stream_that_was_made_anew_begins_anew(
    nats: BusClient, inbox: Inbox
) -> None:
    await hear_all(nats, inbox)
    await publisher.publish(nats, deregistrations(5))
    assert await take(inbox, 5) == [1, 2, 3, 4, 5]
    jetstream = nats.jetstream()
    config = (await jetstream.stream_info(subjects.STREAM)).config
    await jetstream.delete_stream(subjects.STREAM)
    await jetstream.add_stream(config)
    await publisher.publish(nats, deregistrations(2, start=5))
    assert await take(inbox, 2) == [1, 2]


async def test_two_inboxes_of_an_account_hear_the_same(
    nats: BusClient, sources: Sources, inbox: Inbox
) -> None:
    other = Inbox(sources, "c" * 32, ACCOUNT, 0)
    await hear_all(nats, inbox)
    await publisher.publish(nats, deregistrations(3))
    assert await take(other, 3) == [1, 2, 3]
    await hear_all(nats, other)
    await publisher.publish(nats, deregistrations(2, start=3))
    assert await take(inbox, 5) == [1, 2, 3, 4, 5]
    assert await take(other, 2) == [4, 5]
    await other.release()
