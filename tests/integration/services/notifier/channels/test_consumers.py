"""A channel's events come in the order of the stream, none twice in one stint."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError

from homeport.errors import Unavailable
from homeport.events import publisher, subjects
from homeport.events.pulling import Pull
from homeport.runtime import bus
from services.notifier.channels import consumers
from services.notifier.channels.channels import Callback, Channel, Serialization
from services.notifier.channels.consumers import Inbox
from services.notifier.channels.messages import Taken
from services.notifier.stream.jetstream import mark
from tests.support.notifier import ACCOUNT, deregistrations

pytestmark = pytest.mark.integration

CHANNEL = Channel(
    "b" * 32,
    ACCOUNT,
    Callback("http://127.0.0.1/"),
    Serialization(),
    revision=1,
    created_at=datetime.now(UTC),
)


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[Client]:
    async with bus.connection(nats_url) as client:
        yield client


async def take(inbox: Inbox, count: int) -> list[int]:
    return [each.sequence for each in await taken(inbox, count)]


async def waiting(nats: Client) -> int:
    found = await consumers.progress(nats, CHANNEL.key_id)
    assert found is not None
    assert found.account == ACCOUNT
    return found.waiting


async def _fail(_: Msg) -> None:
    raise ConnectionClosedError


async def taken(inbox: Inbox, count: int) -> list[Taken]:
    found: list[Taken] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            found += await inbox.take()
    return found


async def test_a_consumer_begins_when_it_is_made(nats: Client) -> None:
    await publisher.publish(nats, deregistrations(3))
    await consumers.ensure(nats, CHANNEL.key_id, ACCOUNT)
    await publisher.publish(nats, deregistrations(2, start=3))
    await consumers.ensure(nats, CHANNEL.key_id, ACCOUNT)
    async with consumers.inbox(nats, CHANNEL) as inbox:
        assert await take(inbox, 2) == [4, 5]


async def test_a_lost_consumer_begins_with_its_channel(nats: Client) -> None:
    await publisher.publish(nats, deregistrations(3))
    made = replace(CHANNEL, created_at=datetime.now(UTC) - timedelta(minutes=1))
    async with consumers.inbox(nats, made) as inbox:
        assert await take(inbox, 3) == [1, 2, 3]


async def test_what_one_has_taken_the_next_gets_first(nats: Client) -> None:
    await consumers.ensure(nats, CHANNEL.key_id, ACCOUNT)
    await publisher.publish(nats, deregistrations(5))
    async with consumers.inbox(nats, CHANNEL) as inbox:
        assert await take(inbox, 5) == [1, 2, 3, 4, 5]
    await publisher.publish(nats, deregistrations(5, start=5))
    async with consumers.inbox(nats, CHANNEL) as inbox:
        assert await take(inbox, 10) == list(range(1, 11))
        await inbox.acknowledge()
    async with consumers.inbox(nats, CHANNEL) as inbox:
        await publisher.publish(nats, deregistrations(1, start=10))
        assert await take(inbox, 1) == [11]


async def test_what_one_has_taken_the_next_gets_first_though_more_keeps_coming(
    nats: Client,
) -> None:
    await consumers.ensure(nats, CHANNEL.key_id, ACCOUNT)
    await publisher.publish(nats, deregistrations(5))
    async with consumers.inbox(nats, CHANNEL) as inbox:
        assert await take(inbox, 5) == [1, 2, 3, 4, 5]

    async def happen() -> None:
        for start in itertools.count(5):
            await publisher.publish(nats, deregistrations(1, start=start))

    happening = asyncio.create_task(happen())
    async with consumers.inbox(nats, CHANNEL) as inbox:
        sequences = await take(inbox, 6)
        assert sequences == list(range(1, len(sequences) + 1))
    happening.cancel()
    await asyncio.gather(happening, return_exceptions=True)


async def test_an_event_that_was_lost_on_its_way_is_waited_for(
    nats: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear = Pull._hear

    def lose_the_second(pull: Pull, message: Msg) -> None:
        if not message.reply or mark(message).number != 2:
            hear(pull, message)

    monkeypatch.setattr(Pull, "_hear", lose_the_second)
    await consumers.ensure(nats, CHANNEL.key_id, ACCOUNT)
    await publisher.publish(nats, deregistrations(1))
    async with consumers.inbox(nats, CHANNEL) as inbox:
        assert await take(inbox, 1) == [1]
        await inbox.acknowledge()
        await publisher.publish(nats, deregistrations(3, start=1))
        assert await take(inbox, 3) == [2, 3, 4]


async def test_events_that_nobody_took_are_given_to_the_next_at_once(
    nats: Client,
) -> None:
    await consumers.ensure(nats, CHANNEL.key_id, ACCOUNT)
    await publisher.publish(nats, deregistrations(1))
    async with consumers.inbox(nats, CHANNEL) as inbox:
        assert await take(inbox, 1) == [1]
        await inbox.acknowledge()
        await publisher.publish(nats, deregistrations(2, start=1))
    async with asyncio.timeout(1), consumers.inbox(nats, CHANNEL) as inbox:
        assert await take(inbox, 2) == [2, 3]


async def test_a_batch_may_be_held_for_long(
    nats: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "ACKNOWLEDGE_SECONDS", 0.2)
    await consumers.ensure(nats, CHANNEL.key_id, ACCOUNT)
    await publisher.publish(nats, deregistrations(3))
    async with consumers.inbox(nats, CHANNEL) as inbox:
        assert await take(inbox, 3) == [1, 2, 3]
        await asyncio.sleep(0.5)
        await publisher.publish(nats, deregistrations(2, start=3))
        await inbox.acknowledge()
        assert await take(inbox, 2) == [4, 5]


async def test_what_was_not_acknowledged_is_not_taken_twice_in_one_stint(
    nats: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "ACKNOWLEDGE_SECONDS", 0.2)
    await consumers.ensure(nats, CHANNEL.key_id, ACCOUNT)
    await publisher.publish(nats, deregistrations(3))
    async with consumers.inbox(nats, CHANNEL) as inbox:
        assert await take(inbox, 3) == [1, 2, 3]
        with monkeypatch.context() as patched:
            patched.setattr(Msg, "ack", _fail)
            with pytest.raises(Unavailable):
                await inbox.acknowledge()
        await publisher.publish(nats, deregistrations(2, start=3))
        assert await take(inbox, 2) == [4, 5]


async def test_a_batch_has_an_end(nats: Client) -> None:
    await consumers.ensure(nats, CHANNEL.key_id, ACCOUNT)
    for start in range(0, 1500, 500):
        await publisher.publish(nats, deregistrations(500, start=start))
    sequences: list[int] = []
    async with consumers.inbox(nats, CHANNEL) as inbox:
        while len(sequences) < 1500:
            batch = await inbox.take()
            assert len(batch) <= consumers.BATCH
            await inbox.acknowledge()
            sequences += [each.sequence for each in batch]
    assert sequences == list(range(1, 1501))


async def test_a_receipt_acknowledges_what_came_before_though_its_inbox_has_gone(
    nats: Client,
) -> None:
    await consumers.ensure(nats, CHANNEL.key_id, ACCOUNT)
    await publisher.publish(nats, deregistrations(5))
    async with consumers.inbox(nats, CHANNEL) as inbox:
        batch = await taken(inbox, 5)
        receipt = inbox.receipt(batch[2])
        await inbox.give_back(batch[3:])
    assert await waiting(nats) == 5
    await consumers.acknowledge(nats, receipt)
    assert await waiting(nats) == 2
    await consumers.acknowledge(nats, receipt)
    async with asyncio.timeout(1), consumers.inbox(nats, CHANNEL) as inbox:
        assert await take(inbox, 2) == [4, 5]


async def test_nothing_is_known_of_a_channel_without_consumer(nats: Client) -> None:
    assert await consumers.progress(nats, CHANNEL.key_id) is None


async def test_a_consumer_begins_where_its_channel_has_come_to(nats: Client) -> None:
    await publisher.publish(nats, deregistrations(3))
    async with consumers.inbox(nats, CHANNEL, after=1) as inbox:
        assert await take(inbox, 2) == [2, 3]


async def test_a_consumer_that_is_gone_is_said_to_be(nats: Client) -> None:
    await consumers.ensure(nats, CHANNEL.key_id, ACCOUNT)
    async with consumers.inbox(nats, CHANNEL) as inbox:
        await nats.jetstream().delete_consumer(
            subjects.STREAM, subjects.channel_durable(CHANNEL.key_id)
        )
        with pytest.raises(Unavailable):
            await inbox.take()
