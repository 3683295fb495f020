"""A request is ended as lost only when nothing can tell of it any more."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

import pytest

from homeport.errors import Unavailable
from homeport.names import DeviceId
from homeport.runtime.sweeping import Course, Ends, Sweeper
from homeport.store.clock import StoreClock
from homeport.store.queue import RequestQueue


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody waits for its end."""

    request_id: str
    device_id: DeviceId


REQUEST = Request("r" * 32, DeviceId("d" * 32))


@dataclass
class World:
    """Servers that say what they are told to."""

    open: list[Request] = field(default_factory=lambda: [REQUEST])
    queued: bool = False
    unpublished: int | None = None
    place: int = 7
    noted: int = 7
    ended: list[Request] = field(default_factory=list)
    away: list[str] = field(default_factory=list)

    async def older_than(self, _: timedelta, *, after: str = "") -> Sequence[Request]:
        return [each for each in self.open if each.request_id > after]

    async def waiting(self, _: DeviceId, requests: Sequence[str]) -> list[bool]:
        return [self.queued for _ in requests]

    async def end(self, request: Request) -> None:
        self.ended.append(request)

    def sweeper(self, *, seconds: float = 30) -> Sweeper[Request]:
        async def unpublished(_: int) -> int | None:
            return self.unpublished

        async def last() -> int:
            return self.place

        async def noted() -> int:
            return self.noted

        clock = StoreClock(lambda: 0.0)
        clock.learn(5_000_000, asked=0.0)
        return Sweeper(
            self,
            cast("RequestQueue", self),
            Course(unpublished, last, noted),
            Ends(self.end, self.away.append),
            clock=clock,
            buckets=8,
            seconds=seconds,
        )


async def test_the_third_look_that_misses_it_ends_a_request() -> None:
    world = World()
    sweeper = world.sweeper()
    await sweeper.look()
    await sweeper.look()
    assert not world.ended
    await sweeper.look()
    assert world.ended == [REQUEST]


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


async def test_while_a_server_is_away_it_looks_again() -> None:
    world = World()
    looks = iter([Unavailable("Redis", "is away"), Unavailable("Redis", "is too")])
    ended = LookupError("enough")

    async def older_than(_: timedelta, *, after: str = "") -> Sequence[Request]:
        raise next(looks, ended)

    world.older_than = older_than  # type: ignore[method-assign]
    with pytest.raises(LookupError):
        await world.sweeper(seconds=0).run()
    assert len(world.away) == 2
