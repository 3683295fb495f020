"""What a fleet went through, and how long it took."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

UNANSWERED = "unanswered"
HANDSHAKE = "handshake"
PERCENTILES = (50, 90, 99)
STEP = 1.02
"""Latencies are counted in steps of 2 %, however many there are."""


class Handshake(StrEnum):
    """How a handshake has ended."""

    FULL = "full"
    RESUMED = "resumed"
    FAILED = "failed"


@dataclass(slots=True)
class Latencies:
    """How often something took how long, in milliseconds."""

    steps: Counter[int] = field(default_factory=Counter)

    def add(self, milliseconds: float) -> None:
        """Count one."""
        self.steps[math.ceil(math.log(max(milliseconds, 0.01), STEP))] += 1

    def percentile(self, percent: int) -> float:
        """Return what so many of them did not exceed; at least one was added."""
        wanted = self.steps.total() * percent / 100
        counted = 0
        for step in sorted(self.steps):
            counted += self.steps[step]
            if counted >= wanted:
                break
        return round(STEP**step, 2)


@dataclass(slots=True)
class Report:
    """Outcomes and latencies of a fleet by operation; an outcome is a code or none.

    That of a handshake is how it ended.
    """

    devices: int
    came_home: set[int] = field(default_factory=set)
    outcomes: dict[str, Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    latencies: dict[str, Latencies] = field(
        default_factory=lambda: defaultdict(Latencies)
    )
    repeated: Counter[str] = field(default_factory=Counter)

    def answered(
        self, operation: str, code: str, seconds: float, *, repeated: int = 0
    ) -> None:
        """Record an answer, how long it took and how often it was asked for again."""
        self.outcomes[operation][code] += 1
        self.latencies[operation].add(seconds * 1000)
        self.repeated[operation] += repeated

    def unanswered(self, operation: str, *, repeated: int = 0) -> None:
        """Record a request that nobody answered, however often it was repeated."""
        self.outcomes[operation][UNANSWERED] += 1
        self.repeated[operation] += repeated

    def handshake(self, outcome: Handshake, seconds: float) -> None:
        """Record a handshake that has ended, and how long it took if it succeeded."""
        self.outcomes[HANDSHAKE][outcome.value] += 1
        if outcome is not Handshake.FAILED:
            self.latencies[HANDSHAKE].add(seconds * 1000)

    def arrived(self, number: int) -> None:
        """Record that a device, by its number, has registered at least once."""
        self.came_home.add(number)

    @property
    def all_home(self) -> bool:
        """Whether every device of the fleet has registered."""
        return len(self.came_home) == self.devices

    @property
    def operations(self) -> int:
        """How many requests and handshakes are over."""
        return sum(outcomes.total() for outcomes in self.outcomes.values())

    def summary(self) -> Mapping[str, Any]:
        """Return everything as JSON has it."""
        return {
            "devices": self.devices,
            "home": len(self.came_home),
            "operations": {
                operation: {
                    "outcomes": dict(outcomes),
                    **self._repeated(operation),
                    **self._milliseconds(operation),
                }
                for operation, outcomes in self.outcomes.items()
            },
        }

    def _repeated(self, operation: str) -> Mapping[str, int]:
        count = self.repeated[operation]
        return {"repeated": count} if count else {}

    def _milliseconds(self, operation: str) -> Mapping[str, float]:
        latencies = self.latencies.get(operation)
        if latencies is None:
            return {}
        return {
            f"p{percent}_ms": latencies.percentile(percent) for percent in PERCENTILES
        }
