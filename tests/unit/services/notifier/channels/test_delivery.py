"""A channel's messages, handed over one after the other."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson

from homeport.errors import Unavailable
from homeport.names import AccountId
from services.notifier.channels import delivery, messages
from services.notifier.channels.channels import Callback, Channel, Serialization
from services.notifier.channels.delivery import QUIET_TURNS, Delivery
from services.notifier.channels.messages import Addressee, Message, Taken


class Over(Exception):
    """The script has ended."""


def channel(**form: int) -> Channel:
    return Channel(
        "k",
        AccountId("a" * 32),
        Callback("http://x/"),
        Serialization(**form),  # type: ignore[arg-type] # a test's numbers
        revision=1,
        created_at=datetime(2026, 11, 24, tzinfo=UTC),
    )


@dataclass
class World:
    """A scripted application and its events."""

    batches: list[Sequence[Taken] | Unavailable]
    gone_after: int = 1_000
    """So many messages are accepted; then nobody is there any more."""
    told: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

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

    async def addressee(self, told: Channel) -> Addressee:
        return Addressee(told.key_id, told.serialization)

    async def hand_over(self, message: Message) -> bool:
        if not self.gone_after:
            return False
        self.gone_after -= 1
        self.told.append(messages.build(message).decode())
        return True

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def run(self, **form: int) -> bool:
        made = Delivery(
            channel(**form),
            inbox=self.inbox,
            addressee=self.addressee,
            hand_over=self.hand_over,
            sleep=self.sleep,
        )
        try:
            return await made.run()
        except Over:
            return True


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
    assert not world.slept


async def test_a_message_has_no_more_items_than_the_channel_wants() -> None:
    world = World([expired("a", "b", "c")])
    await world.run(max_chunk_size=2)
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


async def test_when_nobody_is_there_any_more_it_ends_and_acknowledges_nothing() -> None:
    world = World([expired("a", "b"), expired("c")], gone_after=1)
    await world.run(max_chunk_size=1)
    assert world.told == ["opened", '{"registrations-expired":["a"]}']
    assert world.batches


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


async def test_delivery_ends_when_nothing_has_come_for_a_while() -> None:
    nothing: list[Sequence[Taken] | Unavailable] = [[]]
    world = World([*nothing * (QUIET_TURNS - 1), expired("a"), *nothing * QUIET_TURNS])
    assert await world.run()
    assert world.batches == []
    assert world.told.count("acknowledged") == 1


async def test_it_ends_otherwise_when_nobody_is_there_any_more() -> None:
    world = World([expired("a")], gone_after=0)
    assert not await world.run()
