"""Handshakes take turns, and leave the loop to others in between."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from homeport.dtls import backlog
from homeport.dtls.backlog import Backlog
from tests.support.polling import until


class Heard(list[int]):
    """The turns that were taken, by number."""

    def turn(self, number: int) -> Callable[[], None]:
        return partial(self.append, number)

    async def all(self, count: int) -> None:
        async def enough() -> bool:
            return len(self) >= count

        await until(enough)


async def test_turns_are_taken_in_order() -> None:
    turns, heard = Backlog(), Heard()
    turns.begin()
    assert turns.offer(heard.turn(1))
    turns.add(heard.turn(2))
    assert turns.offer(heard.turn(3))
    assert not heard
    turns.go_on()
    assert heard == [1, 2, 3]


async def test_nothing_is_done_before_it_begins() -> None:
    turns, heard = Backlog(), Heard()
    turns.offer(heard.turn(1))
    turns.go_on()
    assert not heard
    turns.begin()
    assert heard == [1]


async def test_what_a_turn_adds_is_done_as_well() -> None:
    turns, heard = Backlog(), Heard()
    turns.begin()
    turns.offer(lambda: turns.add(heard.turn(1)))
    turns.go_on()
    assert heard == [1]


async def test_others_have_the_loop_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "TURN_SECONDS", 0.0)
    turns, heard = Backlog(), Heard()
    turns.begin()
    turns.offer(heard.turn(1))
    turns.go_on()
    asyncio.get_running_loop().call_soon(heard.turn(0))
    turns.go_on()
    assert not heard, "there is no time at all"
    monkeypatch.setattr(backlog, "TURN_SECONDS", 1.0)
    await heard.all(2)
    assert heard == [1, 0]


async def test_a_turn_that_breaks_takes_no_other_with_it() -> None:
    def breaks() -> None:
        raise ZeroDivisionError

    turns, heard = Backlog(), Heard()
    turns.begin()
    turns.offer(breaks)
    turns.offer(heard.turn(1))
    with pytest.raises(ZeroDivisionError):
        turns.go_on()
    await heard.all(1)


async def test_as_many_wait_as_may_but_what_is_owed_is_added(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backlog, "MOST_WAITING", 2)
    turns, heard = Backlog(), Heard()
    assert turns.offer(heard.turn(1))
    assert turns.offer(heard.turn(2))
    assert not turns.offer(heard.turn(3))
    turns.add(heard.turn(4))
    turns.begin()
    assert heard == [1, 2, 4]
