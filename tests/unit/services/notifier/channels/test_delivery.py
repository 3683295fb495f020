"""A channel's messages, handed over one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson
import pytest

from homeport.errors import Unavailable
from homeport.names import AccountId
from services.notifier.channels import messages
from services.notifier.channels.channels import Callback, Channel, Serialization
from services.notifier.channels.delivery import Delivery
from services.notifier.channels.messages import Addressee, Message, Taken


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

    async def take(self) -> Sequence[Taken]:
        batch = self.batches.pop(0) if self.batches else []
        if isinstance(batch, Unavailable):
            raise batch
        return batch

    def acknowledge(self) -> None:
        self.told.append("acknowledged")

    async def addressee(self, told: Channel) -> Addressee:
        return Addressee(told.key_id, told.serialization)

    async def hand_over(self, message: Message) -> bool:
        if not self.gone_after:
            return False
        self.gone_after -= 1
        self.told.append(messages.build(message).decode())
        return True

    async def run(self, **form: int) -> bool:
        made = Delivery(
            channel(**form),
            self,
            addressee=self.addressee,
            hand_over=self.hand_over,
        )
        return await made.run()


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
    world = World([expired("a", "b"), expired("c"), [], expired("d")])
    assert await world.run()
    assert world.told == [
        '{"registrations-expired":["a","b"]}',
        "acknowledged",
        '{"registrations-expired":["c"]}',
        "acknowledged",
    ]


async def test_a_message_has_no_more_items_than_the_channel_wants() -> None:
    world = World([expired("a", "b", "c")])
    await world.run(max_chunk_size=2)
    assert world.told[:2] == [
        '{"registrations-expired":["a","b"]}',
        '{"registrations-expired":["c"]}',
    ]


async def test_what_is_no_fact_is_passed_over() -> None:
    world = World([[Taken(1, 0, b"junk"), *expired("a")], [Taken(2, 0, b"junk")]])
    await world.run()
    assert world.told == [
        '{"registrations-expired":["a"]}',
        "acknowledged",
        "acknowledged",
    ]


async def test_when_nobody_is_there_any_more_it_ends_and_acknowledges_nothing() -> None:
    world = World([expired("a", "b"), expired("c")], gone_after=1)
    assert not await world.run(max_chunk_size=1)
    assert world.told == ['{"registrations-expired":["a"]}']
    assert world.batches


async def test_what_a_server_of_ours_holds_up_is_not_acknowledged() -> None:
    world = World([expired("a"), Unavailable("NATS", "is not connected")])
    with pytest.raises(Unavailable):
        await world.run()
    assert world.told == ['{"registrations-expired":["a"]}', "acknowledged"]
