"""Questions collect while one call is under way, and each hears its own answer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest

from homeport.dtls.batches import Batches
from homeport.errors import Unavailable
from tests.support.polling import until

DEAF = 13
"""Whoever asks for this one breaks when it hears the answer."""


class Store:
    """Doubles numbers as soon as it is let; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.away = False
        self.breaks: set[int] = set()
        self.let = asyncio.Event()

    async def double(self, numbers: Sequence[int]) -> list[int]:
        self.asked.append(list(numbers))
        await self.let.wait()
        if self.away:
            raise Unavailable("Redis", "away")
        if self.breaks.intersection(numbers):
            raise ZeroDivisionError
        return [2 * number for number in numbers]


Answers = dict[int, int | Unavailable]


class Asking:
    """Batches of questions to a store, and what was heard of each."""

    def __init__(self, store: Store, *, largest: int, most: int) -> None:
        self.batches = Batches(
            store.double, then=self._look, largest=largest, most=most
        )
        self.heard: Answers = {}
        self.seen: list[int] = []

    def put(self, number: int) -> bool:
        return self.batches.put(number, partial(self._hear, number))

    async def all_heard(self, count: int) -> Answers:
        async def enough() -> bool:
            return len(self.heard) >= count

        await until(enough)
        return self.heard

    def _hear(self, number: int, answer: int | Unavailable) -> None:
        self.heard[number] = answer
        if answer == 2 * DEAF:
            raise ZeroDivisionError

    def _look(self) -> None:
        self.seen.append(len(self.heard))
        if DEAF in self.heard:
            raise ZeroDivisionError


@pytest.fixture
async def store() -> Store:
    return Store()


@asynccontextmanager
async def asking(
    store: Store, *, largest: int = 3, most: int = 100
) -> AsyncIterator[Asking]:
    made = Asking(store, largest=largest, most=most)
    running = asyncio.create_task(made.batches.run())
    yield made
    running.cancel()


async def test_what_comes_during_a_call_is_asked_in_the_next(store: Store) -> None:
    async with asking(store) as made:
        made.put(0)

        async def begun() -> bool:
            return bool(store.asked)

        await until(begun)
        for number in range(1, 6):
            made.put(number)
        store.let.set()
        assert await made.all_heard(6) == {number: 2 * number for number in range(6)}
    assert store.asked == [[0], [1, 2, 3], [4, 5]]


async def test_a_store_that_is_away_is_what_everybody_of_the_batch_hears(
    store: Store,
) -> None:
    async with asking(store) as made:
        store.away = True
        store.let.set()
        made.put(1)
        made.put(2)
        heard = await made.all_heard(2)
        assert all(isinstance(answer, Unavailable) for answer in heard.values())
        store.away = False
        made.put(3)
        assert (await made.all_heard(3))[3] == 6


@pytest.mark.conforms("C-230", "CVE-2018-12679")
async def test_a_question_that_meets_a_defect_costs_no_other_its_answer(
    store: Store,
) -> None:
    async with asking(store) as made:
        store.breaks.add(2)
        store.let.set()
        for number in (1, 2, DEAF):
            made.put(number)
        heard = await made.all_heard(3)
        assert isinstance(heard.pop(2), Unavailable)
        assert heard == {1: 2, DEAF: 2 * DEAF}
        made.put(3)
        assert (await made.all_heard(3))[3] == 6
    assert store.asked == [[1, 2, DEAF], [1], [2], [DEAF], [3]]


async def test_one_too_many_is_not_taken_and_hears_nothing(store: Store) -> None:
    async with asking(store, most=2) as made:
        assert [made.put(number) for number in range(3)] == [True, True, False]
        store.let.set()
        assert await made.all_heard(2) == {0: 0, 1: 2}
        assert made.put(2)
        assert (await made.all_heard(3))[2] == 4


async def test_what_follows_is_done_once_all_of_a_batch_have_heard(
    store: Store,
) -> None:
    async with asking(store) as made:
        store.let.set()
        for number in (0, 1, DEAF, 3, 4):
            made.put(number)
        await made.all_heard(5)
    assert made.seen == [3, 5]
