"""A webhook is called until it accepts, for a day at most."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from homeport.errors import Unavailable
from homeport.names import AccountId
from services.notifier.channels import insistence
from services.notifier.channels.channels import Callback, Channel, Serialization
from services.notifier.channels.insistence import Insistence, Pace
from services.notifier.channels.messages import Kind, Message

START = datetime(2026, 11, 24, tzinfo=UTC)
CALLBACK = Callback("http://x/")
CHANNEL = Channel(
    "k", AccountId("a" * 32), CALLBACK, Serialization(), revision=1, created_at=START
)
MESSAGE = Message(Kind.DE_REGISTRATIONS, ["a"])


@dataclass
class World:
    """A scripted webhook, and a clock that only sleeping moves."""

    answers: list[bool] = field(default_factory=list)
    """Whether each attempt is accepted; all further ones are."""
    accepted: list[bytes] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    ledger: list[str] = field(default_factory=list)
    now: datetime = START

    async def put(self, _: Callback, body: bytes, message_id: str) -> None:
        self.ids.append(message_id)
        if self.answers and not self.answers.pop(0):
            raise Unavailable("webhook", "answered 500")
        self.accepted.append(body)

    async def failing(self, _: Channel, since: datetime) -> None:
        self.ledger.append(f"failing since {since:%H:%M}")

    async def recovered(self, _: Channel) -> None:
        self.ledger.append("recovered")

    async def give_up(self, _: Channel) -> None:
        self.ledger.append("given up")

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    def calls(self, channel: Channel = CHANNEL) -> Insistence:
        pace = Pace(timedelta(hours=24), lambda: self.now, self.sleep, lambda: 0.5)
        return Insistence(channel, CALLBACK, put=self.put, failures=self, pace=pace)


async def test_what_is_accepted_is_called_once() -> None:
    world = World()
    assert await world.calls().hand_over(MESSAGE)
    assert world.accepted == [b'{"de-registrations":["a"]}']
    assert not world.ledger
    assert not world.slept


async def test_what_is_not_accepted_is_tried_again() -> None:
    world = World([False, False, True])
    assert await world.calls().hand_over(MESSAGE)
    assert len(world.accepted) == 1
    assert world.slept == [1, 2]
    assert world.ledger == ["failing since 00:00", "recovered"]


async def test_a_message_keeps_its_id_and_another_has_another() -> None:
    world = World([False, True])
    calls = world.calls()
    await calls.hand_over(MESSAGE)
    await calls.hand_over(MESSAGE)
    first, again, other = world.ids
    assert first == again != other


@pytest.mark.conforms("C-246", "R-111")
async def test_a_webhook_that_fails_for_a_day_is_given_up() -> None:
    world = World([False] * 10_000)
    assert not await world.calls().hand_over(MESSAGE)
    assert world.ledger == ["failing since 00:00", "given up"]
    assert world.slept[:9] == [1, 2, 4, 8, 16, 32, 64, 120, 120]
    assert timedelta(hours=24) <= world.now - START < timedelta(hours=24, minutes=3)


async def test_a_day_of_failures_goes_on_after_a_restart() -> None:
    since = START - timedelta(hours=23, minutes=59)
    world = World([False] * 10_000)
    calls = world.calls(replace(CHANNEL, failing_since=since))
    assert not await calls.hand_over(MESSAGE)
    assert world.ledger == ["given up"]
    assert sum(world.slept) == 63


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(1, 1), (2, 2), (3, 4), (7, 64), (8, 120), (9, 120), (10_000, 120)],
)
@pytest.mark.conforms("C-246", "R-111")
def test_retries_come_after_1_2_4_to_120_seconds(failures: int, seconds: int) -> None:
    assert insistence.retry_delay(failures, 0.5) == seconds
    assert insistence.retry_delay(failures, 0) == pytest.approx(seconds * 0.9)
    assert insistence.retry_delay(failures, 0.999) < seconds * 1.1
