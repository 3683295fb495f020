"""A channel's messages, tried until they are accepted."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from homeport.errors import Unavailable
from homeport.names import AccountId
from services.notifier import delivery
from services.notifier.channels import Callback, Channel, Serialization
from services.notifier.delivery import Delivery, Pace
from services.notifier.messages import Taken

START = datetime(2026, 11, 24, tzinfo=UTC)
CHANNEL = Channel("k", AccountId("a" * 32), Callback("http://x/"), 1, START)


class Over(Exception):
    """The script has ended."""


@dataclass
class World:
    """A scripted application, its events and a clock that only sleeping moves."""

    batches: list[Sequence[Taken] | Unavailable]
    answers: list[bool] = field(default_factory=list)
    """Whether each attempt is accepted; all further ones are."""
    told: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    ledger: list[str] = field(default_factory=list)
    now: datetime = START

    async def take(self) -> Sequence[Taken]:
        if not self.batches:
            raise Over
        batch = self.batches.pop(0)
        if isinstance(batch, Unavailable):
            raise batch
        return batch

    async def acknowledge(self) -> None:
        self.told.append("acknowledged")

    @asynccontextmanager
    async def inbox(self, _: Channel) -> AsyncIterator["World"]:
        self.told.append("opened")
        yield self

    async def put(self, _: Callback, body: bytes) -> None:
        if self.answers and not self.answers.pop(0):
            raise Unavailable("webhook", "answered 500")
        self.told.append(body.decode())

    async def failing(self, _: Channel, since: datetime) -> None:
        self.ledger.append(f"failing since {since:%H:%M}")

    async def recovered(self, _: Channel) -> None:
        self.ledger.append("recovered")

    async def give_up(self, _: Channel) -> None:
        self.ledger.append("given up")

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    async def run(self, channel: Channel = CHANNEL) -> None:
        pace = Pace(timedelta(hours=24), lambda: self.now, self.sleep, lambda: 0.5)
        made = Delivery(channel, inbox=self.inbox, put=self.put, ledger=self, pace=pace)
        try:
            await made.run()
        except Over:
            return


def expired(*devices: str) -> list[Taken]:
    return [
        Taken(
            number,
            0,
            orjson.dumps({"fact": "registration.expired", "device_id": device}),
        )
        for number, device in enumerate(devices)
    ]


async def test_a_batch_is_acknowledged_when_it_is_delivered() -> None:
    world = World([expired("a", "b"), [], expired("c")])
    await world.run()
    assert world.told == [
        "opened",
        '{"registrations-expired":["a","b"]}',
        "acknowledged",
        '{"registrations-expired":["c"]}',
        "acknowledged",
    ]
    assert not world.ledger
    assert not world.slept


async def test_what_is_not_accepted_is_tried_again_before_anything_else() -> None:
    world = World([expired("a"), expired("b")], answers=[False, False, True])
    await world.run()
    assert world.told == [
        "opened",
        '{"registrations-expired":["a"]}',
        "acknowledged",
        '{"registrations-expired":["b"]}',
        "acknowledged",
    ]
    assert world.slept == [1, 2]
    assert world.ledger == ["failing since 00:00", "recovered"]


async def test_a_message_has_no_more_items_than_the_channel_wants() -> None:
    form = Serialization(max_chunk_size=2)
    channel = Channel("k", CHANNEL.account, Callback("http://x/", {}, form), 1, START)
    world = World([expired("a", "b", "c")])
    await world.run(channel)
    assert world.told[1:3] == [
        '{"registrations-expired":["a","b"]}',
        '{"registrations-expired":["c"]}',
    ]


async def test_what_is_no_fact_is_passed_over() -> None:
    world = World([[Taken(1, 0, b"junk"), *expired("a")], [Taken(2, 0, b"junk")]])
    await world.run()
    assert world.told == [
        "opened",
        '{"registrations-expired":["a"]}',
        "acknowledged",
        "acknowledged",
    ]


async def test_a_channel_that_fails_for_a_day_is_removed() -> None:
    world = World([expired("a")], answers=[False] * 10_000)
    await world.run()
    assert world.ledger == ["failing since 00:00", "given up"]
    assert world.told == ["opened"]
    assert world.slept[:9] == [1, 2, 4, 8, 16, 32, 64, 120, 120]
    assert timedelta(hours=24) <= world.now - START < timedelta(hours=24, minutes=3)


async def test_a_day_of_failures_goes_on_after_a_restart() -> None:
    failing = Channel(
        "k",
        CHANNEL.account,
        CHANNEL.callback,
        1,
        START,
        failing_since=START - timedelta(hours=23, minutes=59),
    )
    world = World([expired("a")], answers=[False] * 10_000)
    await world.run(failing)
    assert world.ledger == ["given up"]
    assert sum(world.slept) == 63


async def test_while_the_bus_is_away_delivery_waits_and_then_goes_on() -> None:
    world = World([Unavailable("NATS", "is not connected"), expired("a")])
    await world.run()
    assert world.told == [
        "opened",
        "opened",
        '{"registrations-expired":["a"]}',
        "acknowledged",
    ]
    assert world.slept == [delivery.INTERRUPTION_SECONDS]


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(1, 1), (2, 2), (3, 4), (7, 64), (8, 120), (9, 120), (10_000, 120)],
)
def test_retries_come_after_1_2_4_to_120_seconds(failures: int, seconds: int) -> None:
    assert delivery.retry_delay(failures, 0.5) == seconds
    assert delivery.retry_delay(failures, 0) == pytest.approx(seconds * 0.9)
    assert delivery.retry_delay(failures, 0.999) < seconds * 1.1
