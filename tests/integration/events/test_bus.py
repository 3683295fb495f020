"""FastStream as this house uses it loses nothing."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from homeport.errors import InvalidFormat
from homeport.events import bus as events_bus
from homeport.events import publisher, subjects
from homeport.events.bus import Handler, Subscription
from homeport.events.facts import AnyFact, FactName
from homeport.runtime import bus
from tests.support.events import ACCOUNT, deregistered
from tests.support.line import line
from tests.support.polling import until

pytestmark = pytest.mark.integration

SUBSCRIPTION = Subscription(durable="test", facts=[FactName.DEVICE_DEREGISTERED])


class Consumer:
    """Collects what a subscriber hands over; may fail at first."""

    def __init__(self, *, expected: int, failures: int = 0) -> None:
        self.facts: list[str] = []
        self.unreadable: list[InvalidFormat] = []
        self.calls = 0
        self._failures = failures
        self._expected = expected
        self._done = asyncio.Event()

    async def handle(self, facts: Sequence[AnyFact]) -> None:
        self.calls += 1
        if self.calls <= self._failures:
            raise RuntimeError("not this time")
        self.facts += [fact.id for fact in facts]
        if len(self.facts) >= self._expected:
            self._done.set()

    async def finished(self) -> None:
        async with asyncio.timeout(20):
            await self._done.wait()


async def consume(url: str, consumer: Consumer, *handlers: Handler) -> None:
    brokers = []
    for handler in handlers or (consumer.handle,):
        broker = events_bus.broker(url)
        broker.include_router(
            events_bus.router(
                SUBSCRIPTION, handler, unreadable=consumer.unreadable.append
            )
        )
        await broker.start()
        brokers.append(broker)
    await consumer.finished()
    for broker in brokers:
        await broker.stop()


async def test_a_broker_ends_though_its_server_is_away(nats_url: str) -> None:
    async with line(nats_url) as (way, url):
        broker = events_bus.broker(url)
        await broker.start()
        connection = broker._connection
        assert connection is not None
        way.cut()

        async def away() -> bool:
            return connection.is_reconnecting

        await until(away)
        await broker.stop()
        assert connection.is_closed


async def test_facts_arrive_in_the_order_of_the_stream(nats_url: str) -> None:
    async with bus.connection(nats_url) as nats:
        await publisher.publish(nats, [deregistered(n) for n in range(100)])
    consumer = Consumer(expected=100)
    await consume(nats_url, consumer)
    assert consumer.facts == [deregistered(n).id for n in range(100)]


async def test_a_handler_that_fails_once_is_called_again(nats_url: str) -> None:
    async with bus.connection(nats_url) as nats:
        await publisher.publish(nats, [deregistered(1), deregistered(2)])
    consumer = Consumer(expected=2, failures=1)
    await consume(nats_url, consumer)
    assert sorted(set(consumer.facts)) == [deregistered(1).id, deregistered(2).id]
    assert consumer.calls >= 2


async def test_what_is_no_fact_is_passed_over(nats_url: str) -> None:
    subject = subjects.subject(ACCOUNT, FactName.DEVICE_DEREGISTERED)
    json = {"content-type": "application/json"}
    async with bus.connection(nats_url) as nats:
        await nats.jetstream().publish(subject, b"junk")
        await nats.jetstream().publish(subject, b"junk", headers=json)
        await nats.jetstream().publish(subject, b"\xff{}", headers=json)
        await publisher.publish(nats, [deregistered(1)])
    consumer = Consumer(expected=1)
    await consume(nats_url, consumer)
    assert consumer.facts == [deregistered(1).id]
    assert len(consumer.unreadable) == 3


async def test_two_replicas_share_the_work(nats_url: str) -> None:
    async with bus.connection(nats_url) as nats:
        for start in range(0, 2000, 500):
            await publisher.publish(
                nats, [deregistered(n) for n in range(start, start + 500)]
            )
    consumer = Consumer(expected=2000)
    await consume(nats_url, consumer, consumer.handle, consumer.handle)
    assert len(consumer.facts) == len(set(consumer.facts)) == 2000


async def test_a_batch_that_does_not_fill_in_time_is_handed_over(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = JetStreamContext.PullSubscription.fetch

    async def fetch_once(
        subscription: JetStreamContext.PullSubscription, **asked: Any
    ) -> list[Msg]:
        """End the second fetch of a batch as nats-py does when it is just too late."""
        if asked["batch"] < SUBSCRIPTION.batch_size:
            raise TimeoutError
        return await fetch(subscription, **asked)

    monkeypatch.setattr(JetStreamContext.PullSubscription, "fetch", fetch_once)
    async with bus.connection(nats_url) as nats:
        await publisher.publish(nats, [deregistered(1)])
    consumer = Consumer(expected=1)
    async with asyncio.timeout(SUBSCRIPTION.ack_wait_seconds - 1):
        await consume(nats_url, consumer)


async def test_a_batch_is_handled_in_the_traces_that_its_facts_belong_to(
    nats_url: str,
) -> None:
    """Facts of no trace are told as "" in their place."""
    entered: list[list[str]] = []

    def around(belonging: Iterable[str]) -> AbstractContextManager[None]:
        entered.append(list(belonging))
        return nullcontext()

    async with bus.connection(nats_url) as nats:
        first = deregistered(1)._replace(traceparent="00-1-1-01")
        await publisher.publish(nats, [first, deregistered(2)])
    consumer = Consumer(expected=2)
    broker = events_bus.broker(nats_url)
    broker.include_router(
        events_bus.router(
            SUBSCRIPTION,
            consumer.handle,
            unreadable=consumer.unreadable.append,
            around=around,
        )
    )
    await broker.start()
    await consumer.finished()
    await broker.stop()
    assert [each for batch in entered for each in batch] == ["00-1-1-01", ""]


async def test_a_url_may_name_several_servers(nats_url: str) -> None:
    several = f"nats://127.0.0.1:1,{nats_url}"
    async with bus.connection(several) as nats:
        await publisher.publish(nats, [deregistered(1)])
    consumer = Consumer(expected=1)
    await consume(several, consumer)
    assert consumer.facts == [deregistered(1).id]
