"""Records: what a device says of itself, whichever content format it says it in."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from homeport.protocol.paths import Path

RELATIVE = 1 << 28
"""Times below this are relative to when they are read (RFC 8428 §4.5.3)."""


@dataclass(frozen=True, slots=True)
class ObjectLink:
    """A link to an object instance; 65535:65535 leads nowhere."""

    object_id: int
    instance_id: int


@dataclass(frozen=True, slots=True)
class Time:
    """A time that is a value: seconds since 1970, UTC."""

    seconds: int


Value = int | float | str | bytes | bool | ObjectLink | Time


@dataclass(frozen=True, slots=True)
class Record:
    """A value at a path, and the seconds at which it was so, if they are said.

    Without a value it names its path alone: in a request that asks for it, and in an
    answer that has nothing there, such as an empty multiple resource.
    """

    path: Path
    value: Value | None
    time: float | None = None


def resolve(records: Iterable[Record], now: float) -> tuple[Record, ...]:
    """Make times since 1970 of those that are relative to ``now``."""
    return tuple(
        replace(each, time=each.time + now)
        if each.time is not None and each.time < RELATIVE
        else each
        for each in records
    )
