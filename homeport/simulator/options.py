"""What a simulated fleet is asked to do."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from homeport.ca import Api
from homeport.dtls.association import CidForm
from homeport.errors import InvalidConfiguration
from homeport.runtime.platform import folder, ready
from homeport.simulator.accounts import PLAIN, SECURED
from homeport.simulator.dialects import DIALECTS, LWM2M_1_1, Dialect
from homeport.simulator.factory import Factory


class Habit(StrEnum):
    """What a registered device does when its next turn has come."""

    UPDATE = "update"
    CHANGE = "change"
    DEREGISTER = "deregister"
    SLEEP = "sleep"
    VANISH = "vanish"
    REBIND = "rebind"
    """An update from a new port, as behind a NAT that has forgotten the old one."""
    RESUME = "resume"
    """An update after another handshake, which resumes the session if it can."""


DEFAULT_MIX: Mapping[Habit, float] = {
    Habit.UPDATE: 86,
    Habit.CHANGE: 5,
    Habit.DEREGISTER: 4,
    Habit.SLEEP: 2,
    Habit.VANISH: 1,
    Habit.REBIND: 1,
    Habit.RESUME: 1,
}


class Mode(StrEnum):
    """How devices come home: by bootstrap, or with credentials for the server."""

    BOOTSTRAP = "bootstrap"
    DIRECT = "direct"


class ConnectionIds(StrEnum):
    """Which connection ids devices offer in a DTLS handshake."""

    BOTH = "both"
    RFC = "rfc"
    DRAFT = "draft"
    NONE = "none"

    @property
    def forms(self) -> Sequence[CidForm]:
        """The extensions of ClientHello that offer them."""
        return _FORMS[self]


_FORMS: Mapping[ConnectionIds, Sequence[CidForm]] = {
    ConnectionIds.BOTH: (CidForm.RFC, CidForm.DRAFT),
    ConnectionIds.RFC: (CidForm.RFC,),
    ConnectionIds.DRAFT: (CidForm.DRAFT,),
    ConnectionIds.NONE: (),
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where devices go: to a bootstrap server and on from there, or directly.

    ``api`` is that of the platform, where it is known and devices need credentials.
    """

    lwm2m: str | None = None
    bootstrap: str | None = None
    api: Api | None = None

    @property
    def first(self) -> str:
        """The server that a device begins with."""
        return self.bootstrap or self.lwm2m or ""


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """How many devices do what, how often, against which platform.

    Times are seconds. ``turn`` is the mean pause between two turns of a device;
    ``starts_per_second`` spreads the arrival of the fleet. ``duration`` None goes on
    until it is stopped. ``factory`` gives devices what they show a secured server, and
    ``anchor`` is the certificate in DER that the first one's chain has to lead to, if
    any.
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
    factory: Factory | None = None
    anchor: bytes = b""
    connection_ids: ConnectionIds = ConnectionIds.BOTH
    dialect: Dialect = LWM2M_1_1


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


def find_dialect(name: str) -> Dialect:
    """Return the dialect of this name; raise InvalidConfiguration without one."""
    if name not in DIALECTS:
        raise InvalidConfiguration("--profile", f"is none of {', '.join(DIALECTS)}")
    return DIALECTS[name]


def find_target(
    *,
    ready_file: Path | None = None,
    lwm2m: str | None = None,
    bootstrap: str | None = None,
    secured: bool = False,
    mode: Mode | None = None,
) -> Target:
    """Take the given servers, or those of a running platform.

    Without anything given, that is the one which ``homeport up`` starts. Of a platform
    they are the plain ones, unless they are to be ``secured`` or there are none. Raises
    InvalidConfiguration when none is to be found, also for the ``mode``.
    """
    if lwm2m is None and bootstrap is None:
        found = _serving(
            ready_file or folder.default() / ready.FILE,
            secured=secured,
            direct=mode is Mode.DIRECT,
        )
    elif ready_file is not None:
        raise InvalidConfiguration(
            "--ready-file", "names the servers, as --lwm2m and --bootstrap do"
        )
    else:
        found = Target(lwm2m, bootstrap)
    if mode is Mode.DIRECT:
        found = replace(found, bootstrap=None)
    if not (found.bootstrap if mode is Mode.BOOTSTRAP else found.first):
        raise InvalidConfiguration("--mode", f"{mode} has no server to go to")
    return found


def _serving(path: Path, *, secured: bool, direct: bool) -> Target:
    found = ready.read(path)
    if found is None:
        raise InvalidConfiguration(
            str(path), "tells of no platform that serves; give --lwm2m or --bootstrap"
        )
    if PLAIN in found.lwm2m and not secured:
        return Target(found.lwm2m[PLAIN], found.bootstrap.get(PLAIN))
    if SECURED not in found.bootstrap:
        raise InvalidConfiguration("homeport up", "has no CoAP port open")
    return Target(
        lwm2m=f"{found.lwm2m[SECURED]}?aid={found.account_id}" if direct else None,
        bootstrap=f"{found.bootstrap[SECURED]}?aid={found.account_id}",
        api=Api(found.api, found.api_key),
    )
