"""A request is ended as lost only when nothing can tell of it any more."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

from homeport.events import facts
from homeport.events.cloudevents import Envelope
from homeport.events.facts import RequestCompleted, RequestOutcome
from homeport.names import AccountId, DeviceId
from homeport.store.clock import StoreClock
from homeport.store.queue import RequestQueue
from services.notifier.device_requests.open_requests import OpenRequest, OpenRequests
from services.notifier.device_requests.sweeping import Course, Sweeper, lost

REQUEST = OpenRequest(
    "r" * 32,
    "k" * 32,
    "mine",
    AccountId("a" * 32),
    DeviceId("d" * 32),
    "urn:dev:1",
    "GET",
    "/3/0/9",
)


@dataclass
class World:
    """Servers that say what they are told to."""

    open: list[OpenRequest] = field(default_factory=lambda: [REQUEST])
    queued: bool = False
    unpublished: int | None = None
    place: int = 7
    noted: int = 7
    ended: list[Envelope] = field(default_factory=list)

    async def older_than(self, _: timedelta, *, after: str) -> Sequence[OpenRequest]:
        return [each for each in self.open if each.request_id > after]

    async def waiting(self, _: DeviceId, requests: Sequence[str]) -> list[bool]:
        return [self.queued for _ in requests]

    def sweeper(self) -> Sweeper:
        async def unpublished(_: int) -> int | None:
            return self.unpublished

        async def last() -> int:
            return self.place

        async def noted() -> int:
            return self.noted

        async def publish(envelope: Envelope) -> None:
            self.ended.append(envelope)

        clock = StoreClock(lambda: 0.0)
        clock.learn(5_000_000, asked=0.0)
        return Sweeper(
            cast("OpenRequests", self),
            cast("RequestQueue", self),
            Course(unpublished, last, noted, publish),
            clock=clock,
            buckets=8,
            seconds=30,
        )


async def test_the_third_look_that_misses_it_ends_a_request() -> None:
    world = World()
    sweeper = world.sweeper()
    await sweeper.look()
    await sweeper.look()
    assert not world.ended
    await sweeper.look()
    (envelope,) = world.ended
    assert envelope.id == f"{REQUEST.device_id}.{REQUEST.request_id}"


async def test_one_that_waits_is_left_alone() -> None:
    world = World(queued=True)
    sweeper = world.sweeper()
    for _ in range(5):
        await sweeper.look()
    assert not world.ended


async def test_one_that_comes_back_is_missed_anew() -> None:
    world = World()
    sweeper = world.sweeper()
    await sweeper.look()
    world.queued = True
    await sweeper.look()
    world.queued = False
    await sweeper.look()
    await sweeper.look()
    assert not world.ended
    await sweeper.look()
    assert world.ended


async def test_while_older_events_are_not_published_nothing_is_ended() -> None:
    world = World(unpublished=4_999)
    sweeper = world.sweeper()
    for _ in range(5):
        await sweeper.look()
    assert not world.ended
    world.unpublished = 5_001
    await sweeper.look()
    await sweeper.look()
    assert world.ended


async def test_while_published_events_are_not_noted_nothing_is_ended() -> None:
    world = World(noted=6)
    sweeper = world.sweeper()
    for _ in range(5):
        await sweeper.look()
    assert not world.ended
    world.noted = 8
    await sweeper.look()
    assert world.ended


async def test_a_row_that_has_gone_meanwhile_is_forgotten() -> None:
    world = World()
    sweeper = world.sweeper()
    await sweeper.look()
    await sweeper.look()
    world.open = []
    await sweeper.look()
    assert not world.ended


def test_the_event_is_a_fact_like_any_other() -> None:
    envelope = lost(REQUEST, now=datetime(2026, 11, 24, tzinfo=UTC))
    fact = facts.parse(envelope.body)
    assert isinstance(fact, RequestCompleted)
    assert fact.id == envelope.id
    assert (fact.key_id, fact.async_id) == (REQUEST.key_id, REQUEST.async_id)
    assert fact.outcome is RequestOutcome.REMOVED
