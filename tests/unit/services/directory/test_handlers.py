"""What a batch of facts comes to, and how long a caller waits for a row."""

import asyncio

from homeport.events.facts import FactName
from homeport.names import PLATFORM_ACCOUNT
from services.directory import handlers
from services.directory.devices import devices
from services.directory.devices.devices import State
from tests.support.directory import fact

REGISTERED = fact(FactName.DEVICE_REGISTERED, 1)
DEREGISTERED = fact(FactName.DEVICE_DEREGISTERED, 2)
BLANK = devices.blank(REGISTERED)


async def test_a_batch_changes_a_device_once_and_remembers_every_fact() -> None:
    changed, events = await handlers.fold(
        {BLANK.key: BLANK}, [REGISTERED, DEREGISTERED]
    )
    assert [device.state for device in changed] == [State.DEREGISTERED]
    assert [event.event_type.rpartition("-")[2] for event in events] == [
        "created",
        "registered",
        "deregistered",
    ]
    assert [event.changes.get("state") for event in events] == [
        None,
        "registered",
        "deregistered",
    ]
    assert [event.state_change for event in events] == [False, True, True]


async def test_what_is_known_changes_nothing() -> None:
    (known,), _ = await handlers.fold({BLANK.key: BLANK}, [REGISTERED, DEREGISTERED])
    changed, events = await handlers.fold(
        {known.key: known}, [DEREGISTERED, REGISTERED]
    )
    assert changed == []
    assert [event.state_change for event in events] == [False, False]


async def test_a_fact_of_no_known_account_is_remembered_only() -> None:
    refused = fact(FactName.REGISTRATION_REFUSED, account=PLATFORM_ACCOUNT)
    changed, (event,) = await handlers.fold({}, [refused])
    assert changed == []
    assert event.account_id == PLATFORM_ACCOUNT


async def test_others_have_their_turns_while_a_large_batch_is_folded() -> None:
    turns = 0

    async def wait() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(wait())
    facts = [REGISTERED] * (4 * handlers.TURN)
    _, events = await handlers.fold({BLANK.key: BLANK}, facts)
    waiting.cancel()
    assert len(events) == len(facts) + 1
    assert turns >= 4


class Looks:
    """Looks that find something from a certain one on, and a session or none."""

    def __init__(self, *, found_at: int, alive: bool) -> None:
        self.count = 0
        self._found_at = found_at
        self._alive = alive

    async def find(self) -> str | None:
        return await handlers.find(self._look, lives=self._lives)

    async def _look(self) -> str | None:
        self.count += 1
        return "here" if self.count >= self._found_at else None

    async def _lives(self) -> bool:
        return self._alive


async def test_what_is_there_is_found_at_once() -> None:
    looks = Looks(found_at=1, alive=False)
    assert await looks.find() == "here"
    assert looks.count == 1


async def test_what_lives_is_waited_for() -> None:
    looks = Looks(found_at=4, alive=True)
    assert await looks.find() == "here"
    assert looks.count == 4


async def test_what_does_not_live_is_not_waited_for() -> None:
    looks = Looks(found_at=4, alive=False)
    assert await looks.find() is None
    assert looks.count == 1
