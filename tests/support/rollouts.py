"""What devices and callers go through while something is done to the pods."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Any

import httpx

from homeport.runtime.tasks import end
from homeport.simulator import journal
from homeport.simulator.factory import SharedCertificate
from homeport.simulator.fleet import Fleet
from homeport.simulator.options import ConnectionIds, FleetOptions, Habit, Target
from homeport.simulator.report import HANDSHAKE
from tests.support import customer
from tests.support.homeport import END_SECONDS
from tests.support.installation import Installation, Strayed
from tests.support.journal import (
    Answer,
    answers,
    everything_told,
    in_order,
    told,
    untold,
)
from tests.support.polling import until
from tests.support.system import CALLBACK, Application

TURN_SECONDS = 3.0
"""The mean pause of a device."""
ARRIVALS_PER_SECOND = 30
ENOUGH = 40
"""Answers after the last change."""
CALL_SECONDS = 0.1
EXPIRED = "registrations-expired"


class Kind(StrEnum):
    """Devices with connection ids and without, and such as leave without a word."""

    WITH_IDS = "with-ids"
    WITHOUT_IDS = "without-ids"
    LEAVING = "leaving"


_FLEETS: Mapping[Kind, Mapping[str, Any]] = {
    Kind.WITH_IDS: {
        "devices": 40,
        "mix": {Habit.UPDATE: 80, Habit.CHANGE: 15, Habit.REBIND: 5},
        "connection_ids": ConnectionIds.BOTH,
    },
    Kind.WITHOUT_IDS: {
        "devices": 20,
        "mix": {Habit.UPDATE: 85, Habit.CHANGE: 15},
        "connection_ids": ConnectionIds.NONE,
    },
    Kind.LEAVING: {"devices": 10, "mix": {Habit.VANISH: 1}, "lifetime": 4},
}
DEVICES = sum(each["devices"] for each in _FLEETS.values())


@dataclass(frozen=True, slots=True)
class Figures:
    """What something has cost.

    ``events_lost`` are devices whose application was not told all that they were
    answered. ``late`` and ``missed`` are datagrams to pods that drained, and to pods
    that were gone; ``refusals`` is what callers of the API got but an answer.
    """

    answers: int
    events_lost: int
    handshakes_again: int
    handshakes_again_without_ids: int
    retransmissions: int
    worst_answer_ms: float
    worst_handshake_ms: float
    late: int
    missed: int
    calls: int
    refusals: Sequence[str]


@dataclass(slots=True)
class Trial:
    """Devices and callers that live while something is done to the pods."""

    application: Application
    installation: Installation
    fleets: dict[Kind, Fleet] = field(default_factory=dict)
    journals: dict[Kind, Path] = field(default_factory=dict)
    lives: list[asyncio.Task[None]] = field(default_factory=list)
    calls: int = 0
    refusals: list[str] = field(default_factory=list)
    strayed_before: Strayed = field(default_factory=Strayed)

    def arrive(self, *kinds: Kind) -> None:
        """Let devices come, and live from then on."""
        for kind in kinds:
            self.lives.append(asyncio.create_task(self.fleets[kind].run()))

    async def until_home(self) -> None:
        """Wait until every device has registered."""

        async def home() -> bool:
            return all(each.report.all_home for each in self.fleets.values())

        await until(home, seconds=30)

    async def go_on(self) -> None:
        """Wait for more answers, as a proof that life goes on."""
        wanted = self._operations() + ENOUGH

        async def enough() -> bool:
            return self._operations() >= wanted

        await until(enough, seconds=30)

    def answered(self) -> Mapping[str, Sequence[Answer]]:
        """Return what devices were answered, by the names that bootstrap gave them."""
        fleets = self.fleets.values()
        names = set(chain.from_iterable(each.endpoint_names for each in fleets))
        return {
            name: each
            for path in self.journals.values()
            for name, each in answers(path).items()
            if name in names
        }

    async def figures(self) -> Figures:
        """Say what it has cost, once everybody has stopped."""
        answered = self.answered()
        assert len(answered) == DEVICES
        await everything_told(self.application, answered)
        for name in self.fleets[Kind.LEAVING].endpoint_names:
            await self._expired(name)
        in_order(self.application)
        strayed = self.installation.strayed
        reports = [fleet.report for fleet in self.fleets.values()]
        return Figures(
            answers=sum(map(len, answered.values())),
            events_lost=len(untold(self.application, answered)),
            handshakes_again=self._again(Kind.WITH_IDS, answered),
            handshakes_again_without_ids=self._again(Kind.WITHOUT_IDS, answered),
            retransmissions=sum(each.repeated.total() for each in reports),
            worst_answer_ms=max(
                latencies.percentile(100)
                for each in reports
                for operation, latencies in each.latencies.items()
                if operation != HANDSHAKE
            ),
            worst_handshake_ms=max(
                each.latencies[HANDSHAKE].percentile(100) for each in reports
            ),
            late=strayed.late - self.strayed_before.late,
            missed=strayed.missed - self.strayed_before.missed,
            calls=self.calls,
            refusals=self.refusals,
        )

    async def call(self) -> None:
        """Call the API until cancelled: the directory, and the notifier."""
        while True:
            for path in ("/v3/devices/?limit=1", CALLBACK):
                self.calls += 1
                try:
                    answer = await self.application.api.get(path)
                except httpx.TransportError as error:
                    self.refusals.append(repr(error))
                else:
                    if answer.status_code != 200:
                        self.refusals.append(answer.text)
                await asyncio.sleep(CALL_SECONDS)

    async def _expired(self, device: str) -> None:
        """Wait until a registration has expired; it does so once."""

        async def expired() -> bool:
            found = told(self.application).get(device, ())
            return [kind for kind, _ in found] == ["registrations", EXPIRED]

        await until(expired)

    def _again(self, kind: Kind, answered: Mapping[str, Sequence[Answer]]) -> int:
        """Count the handshakes with the LwM2M server after each device's first."""
        names = self.fleets[kind].endpoint_names
        return sum(
            [operation for operation, _ in answered[name]].count(HANDSHAKE) - 1
            for name in names
        )

    def _operations(self) -> int:
        return sum(each.report.operations for each in self.fleets.values())


@asynccontextmanager
async def living(
    installation: Installation, application: Application, folder: Path
) -> AsyncIterator[Trial]:
    """Let callers call, and devices wait to arrive; left, all of them have stopped."""
    made = Trial(application, installation, strayed_before=installation.strayed)
    shared = await customer.developer_certificate(application.api, folder.name)
    with ExitStack() as stack:
        for kind, options in _FLEETS.items():
            path = folder / f"journal-{kind}"
            wanted = FleetOptions(
                target=Target(bootstrap=installation.bootstrap),
                prefix=f"{folder.name}-{kind}",
                turn=TURN_SECONDS,
                starts_per_second=ARRIVALS_PER_SECOND,
                factory=SharedCertificate(shared),
                **options,
            )
            note = stack.enter_context(journal.opened(path))
            made.fleets[kind] = stack.enter_context(Fleet(wanted, journal=note))
            made.journals[kind] = path
        calling = asyncio.create_task(made.call())
        try:
            yield made
        finally:
            for fleet in made.fleets.values():
                fleet.stop()
            await end(calling)
            await asyncio.gather(calling, return_exceptions=True)
            async with asyncio.timeout(END_SECONDS):
                await asyncio.gather(*made.lives)
