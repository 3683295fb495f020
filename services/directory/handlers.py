"""What the directory does with facts, and how long a caller waits for a row."""

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from homeport.events.facts import AnyFact, DeviceBootstrapped
from services.directory.claims import unclaimed
from services.directory.claims.claims import Claimed
from services.directory.claims.unclaimed import Unclaimed
from services.directory.devices import devices, journal
from services.directory.devices.devices import Device, Key
from services.directory.devices.journal import DeviceEvent

ROW_WAIT_SECONDS = 2.0
"""How long a caller waits for the row of a device whose session lives (B-023)."""
ROW_POLL_SECONDS = 0.05
TURN = 25
"""Facts in a row; then callers have theirs, who would wait for all of a batch."""

Found = TypeVar("Found")


class Held(Protocol):
    """Devices that nobody else changes meanwhile."""

    async def hold(self, blanks: Mapping[Key, Device]) -> Mapping[Key, Device]:
        """Return devices as they are; those that are not there are made as given."""

    async def save(
        self, changed: Iterable[Device], events: Sequence[DeviceEvent]
    ) -> None:
        """Write devices that are held, and events that are not known yet."""

    async def enroll(self, came: Sequence[Claimed]) -> bool:
        """Mark the claims by which devices came; say whether there were any."""

    async def note(self, seen: Sequence[Unclaimed]) -> None:
        """Write down devices that are nobody's."""

    async def tell(self, changed: Iterable[Device]) -> None:
        """Write down that the trust view has to be told of devices."""


class Devices(Protocol):
    """Where devices are kept."""

    def transaction(self) -> AbstractAsyncContextManager[Held]:
        """Entered: a transaction. Left: it is committed, or raises Unavailable."""


async def project(facts: Sequence[AnyFact], *, stored: Devices) -> bool:
    """Make devices and device events of facts, all of them or none.

    Says whether the trust view has to be told of it.

    Raises Unavailable; the facts come again then. That is harmless: a device changes by
    newer revisions only, and an event is known by its id. A mere refresh changes
    nothing and asks for nothing.
    """
    telling = [fact for fact in facts if devices.tells(fact)]
    if not telling:
        return False
    blanks: dict[Key, Device] = {}
    async for fact in _in_turns(telling):
        if devices.shapes(fact):
            blanks.setdefault(devices.key_of(fact), devices.blank(fact))
    async with stored.transaction() as transaction:
        held = await transaction.hold(blanks)
        changed, events = await fold(held, telling)
        await transaction.save(changed, events)
        trusted = [
            device
            for device in changed
            if device.trusted_for != held[device.key].trusted_for
        ]
        await transaction.tell(trusted)
        await transaction.note(unclaimed.seen(telling))
        enrolled = await transaction.enroll(_came(telling))
    return enrolled or bool(trusted)


def _came(facts: Iterable[AnyFact]) -> list[Claimed]:
    """Return the devices that have bootstrapped with certificates of their own."""
    return [
        Claimed(*devices.key_of(fact), fact.fingerprint, fact.time)
        for fact in facts
        if isinstance(fact, DeviceBootstrapped)
        and fact.fingerprint
        and not fact.developer
    ]


async def fold(
    held: Mapping[Key, Device], facts: Iterable[AnyFact]
) -> tuple[list[Device], list[DeviceEvent]]:
    """Return the devices that facts change, and what is remembered of each fact."""
    now = dict(held)
    events = []
    async for fact in _in_turns(facts):
        before = after = None
        if devices.shapes(fact):
            before = now[devices.key_of(fact)]
            after = now[before.key] = devices.apply(before, fact)
            if after.recorded and not before.recorded:
                events.append(journal.created(fact, after))
        events.append(journal.write(fact, before, after))
    return [device for key, device in now.items() if device != held[key]], events


async def _in_turns(facts: Iterable[AnyFact]) -> AsyncIterator[AnyFact]:
    """Yield facts, and let others have turns of the event loop meanwhile."""
    for number, fact in enumerate(facts):
        if not number % TURN:
            await asyncio.sleep(0)
        yield fact
    await asyncio.sleep(0)


async def find(
    look: Callable[[], Awaitable[Found | None]], *, lives: Callable[[], Awaitable[bool]]
) -> Found | None:
    """Return what is looked for; wait a little if it lives and is not here yet (B-023).

    Raises Unavailable.
    """
    found = await look()
    if found is not None or not await lives():
        return found
    loop = asyncio.get_running_loop()
    deadline = loop.time() + ROW_WAIT_SECONDS
    while found is None and loop.time() < deadline:
        await asyncio.sleep(ROW_POLL_SECONDS)
        found = await look()
    return found
