"""What waits for the store is done in batches, in its order."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from homeport import names
from homeport.coap.answer import Answer
from homeport.coap.codec import Code
from homeport.errors import Unavailable
from homeport.protocol import profiles, registration
from homeport.store.operations import Operation, Outcome, Result
from homeport.store.sessions import StoredSession
from services.lwm2m.asked import Delta, Denial, Said
from services.lwm2m.batches import CONFLICTS, Batches, Ends, Errand, Work
from tests.support.sessions import ACCOUNT, device

DEVICE = device()
LOCATION = names.new_registration_id(DEVICE.id)
SESSION = StoredSession("1", "lwm2m-1.1", "1.1", "[]", ACCOUNT)


@dataclass
class Store:
    """A store that says what a test wants it to."""

    results: list[Result] = field(default_factory=list)
    session: StoredSession | None = SESSION
    away: bool = False
    calls: list[list[Operation]] = field(default_factory=list)

    async def execute(
        self, batch: Sequence[Operation], *, arrived: float
    ) -> list[Outcome]:
        if self.away:
            raise Unavailable("Redis", "away")
        self.calls.append(list(batch))
        return [
            Outcome(self.results.pop(0) if self.results else Result.UPDATED)
            for _ in batch
        ]

    async def read(self, devices: Sequence[str]) -> list[StoredSession | None]:
        return [self.session for _ in devices]


@dataclass
class Scene:
    """Batches, and where their work has gone."""

    store: Store = field(default_factory=Store)
    settled: list[tuple[Said, Result]] = field(default_factory=list)
    refused: list[Answer] = field(default_factory=list)
    away: list[Work[str]] = field(default_factory=list)
    forgotten: list[Work[str]] = field(default_factory=list)
    told: list[Outcome | None] = field(default_factory=list)
    turns: int = 0

    def __post_init__(self) -> None:
        self.batches: Batches[str] = Batches(
            self.store,
            Ends(
                lambda _, operation, outcome: self.settled.append(
                    (operation, outcome.result)
                ),
                lambda _, answer: self.refused.append(answer),
                self.away.append,
                self.forgotten.append,
                self.done,
            ),
            largest=4,
            recorded=lambda _: None,
        )

    def done(self) -> None:
        self.turns += 1

    def put(self, *asked: object) -> None:
        for each in asked:
            self.batches.put(Work(each, None, "here", 1.0))

    async def run(self) -> None:
        """Do all that waits."""
        self.batches.start()
        running = asyncio.create_task(self.batches.run())
        await asyncio.sleep(0)
        self.batches.close()
        with suppress(asyncio.CancelledError):
            await running


@pytest.fixture
def scene() -> Scene:
    return Scene()


def refresh(number: int) -> Said:
    return DEVICE.refresh(number, LOCATION)


def delta() -> Delta:
    asked = registration.parse_update((), payload=b"</3/0>", content_format=40)
    return Delta(DEVICE.update(9, LOCATION), asked)


async def test_work_and_errands_are_done_in_their_order(scene: Scene) -> None:
    take = DEVICE.enqueue("a")
    scene.put(refresh(1))
    scene.batches.put(Errand(take, scene.told.append, 1.0))
    scene.put(*(refresh(number) for number in range(2, 6)))
    await scene.run()
    first, second = scene.store.calls
    assert first == [refresh(1), take, refresh(2), refresh(3)]
    assert second == [refresh(4), refresh(5)]
    assert [operation for operation, _ in scene.settled] == [
        refresh(number) for number in range(1, 6)
    ]
    assert (scene.told, scene.turns) == ([Outcome(Result.UPDATED)], 2)


async def test_while_the_store_is_away_everybody_hears_it(scene: Scene) -> None:
    scene.store.away = True
    scene.put(refresh(1))
    scene.batches.put(Errand(DEVICE.enqueue("a"), scene.told.append, 1.0))
    await scene.run()
    assert [work.operation for work in scene.away] == [refresh(1)]
    assert (scene.told, scene.settled) == ([None], [])


async def test_what_needs_a_session_is_resolved_on_it(scene: Scene) -> None:
    scene.put(delta())
    await scene.run()
    ((operation, result),) = scene.settled
    assert (operation.if_revision, result) == ("1", Result.UPDATED)
    assert '"/3/0"' in operation.resources


async def test_without_a_session_it_is_refused(scene: Scene) -> None:
    scene.store.session = None
    scene.put(delta())
    await scene.run()
    assert [answer.code for answer in scene.refused] == [Code.NOT_FOUND]
    assert scene.settled == []


async def test_a_session_that_has_changed_is_read_again(scene: Scene) -> None:
    scene.store.results = [Result.CONFLICT, Result.UPDATED]
    scene.put(delta())
    await scene.run()
    assert [result for _, result in scene.settled] == [Result.UPDATED]
    assert len(scene.store.calls) == 2


async def test_one_that_always_has_is_left_to_be_repeated(scene: Scene) -> None:
    scene.store.results = [Result.CONFLICT] * 9
    scene.put(delta())
    await scene.run()
    assert [result for _, result in scene.settled] == [Result.CONFLICT]
    assert len(scene.store.calls) == CONFLICTS + 1


async def test_a_denial_is_recorded(scene: Scene) -> None:
    refuse = DEVICE.refuse()
    scene.put(Denial(refuse, Answer(Code.FORBIDDEN), profiles.LWM2M_1_1))
    await scene.run()
    assert scene.store.calls == [[refuse]]


@pytest.mark.conforms("C-230", "CVE-2018-12679")
async def test_what_meets_a_defect_costs_nobody_else_anything(scene: Scene) -> None:
    broken = Delta(DEVICE.update(8, LOCATION), None)
    scene.put(refresh(1), broken, refresh(2))
    scene.batches.put(Errand(refresh(3), lambda _: 1 / 0, 1.0))
    scene.put(refresh(4))
    await scene.run()
    assert [each.operation for each in scene.forgotten] == [broken]
    assert [operation for operation, _ in scene.settled] == [
        *(refresh(1), refresh(2), refresh(4)),
    ]
