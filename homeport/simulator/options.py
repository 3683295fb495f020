"""What a simulated fleet is asked to do."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from homeport.errors import InvalidConfiguration
from homeport.runtime.platform import folder, ready


class Habit(StrEnum):
    """What a registered device does when its next turn has come."""

    UPDATE = "update"
    CHANGE = "change"
    DEREGISTER = "deregister"
    SLEEP = "sleep"
    VANISH = "vanish"


DEFAULT_MIX: Mapping[Habit, float] = {
    Habit.UPDATE: 88,
    Habit.CHANGE: 5,
    Habit.DEREGISTER: 4,
    Habit.SLEEP: 2,
    Habit.VANISH: 1,
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where devices go: to a bootstrap server and on from there, or directly."""

    lwm2m: str | None = None
    bootstrap: str | None = None


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """How many devices do what, how often, against which platform.

    Times are seconds. ``turn`` is the mean pause between two turns of a device;
    ``starts_per_second`` spreads the arrival of the fleet. ``duration`` None goes on
    until it is stopped.
    """

    devices: int
    target: Target
    prefix: str = "simulated"
    lifetime: int = 60
    turn: float = 10.0
    starts_per_second: float = 200.0
    duration: float | None = None
    mix: Mapping[Habit, float] = field(default_factory=lambda: DEFAULT_MIX)
    seed: int = 0


def parse_mix(text: str) -> Mapping[Habit, float]:
    """Parse 'update=90,vanish=10'; raise InvalidConfiguration naming the fault."""
    mix: dict[Habit, float] = {}
    for part in text.split(","):
        name, _, weight = part.strip().partition("=")
        try:
            mix[Habit(name)] = float(weight)
        except ValueError as error:
            known = ", ".join(Habit)
            raise InvalidConfiguration(
                "--mix", f"has {part!r}; it takes {known}, each with a weight"
            ) from error
    if not math.isfinite(total := sum(mix.values())) or min(mix.values()) < 0:
        raise InvalidConfiguration("--mix", "has a weight that is none")
    if total == 0:
        raise InvalidConfiguration("--mix", "has no weight above zero")
    return mix


def find_target(
    *,
    ready_file: Path | None = None,
    lwm2m: str | None = None,
    bootstrap: str | None = None,
) -> Target:
    """Take the given servers, or those of a running platform.

    Without anything given, that is the one which ``homeport up`` starts. Raises
    InvalidConfiguration when none is to be found.
    """
    if lwm2m is None and bootstrap is None:
        return _serving(ready_file or folder.default() / ready.FILE)
    if ready_file is not None:
        raise InvalidConfiguration(
            "--ready-file", "names the servers, as --lwm2m and --bootstrap do"
        )
    return Target(lwm2m, bootstrap)


def _serving(path: Path) -> Target:
    found = ready.read(path)
    if found is None:
        raise InvalidConfiguration(str(path), "tells of no platform that serves")
    if "coap" not in found.lwm2m:
        raise InvalidConfiguration(
            "homeport up", "has no plain CoAP port open; start it with --nosec"
        )
    return Target(found.lwm2m["coap"], found.bootstrap.get("coap"))
