"""The labeled fields of a record in SenML and in its elder, LwM2M JSON."""

import math
from collections.abc import Mapping

from homeport.errors import InvalidName, InvalidValue
from homeport.protocol import paths
from homeport.protocol.paths import Path

Fields = Mapping[str, object]

LONGEST_NAME = 64
"""Characters of a name or of a part of it; the longest path has 24."""


def text(fields: Fields, label: str, default: str = "") -> str:
    """Return a part of a name."""
    found = fields.get(label, default)
    if not isinstance(found, str):
        raise InvalidValue(f"has a {label} that is no text")
    if len(found) > LONGEST_NAME:
        raise InvalidValue(f"has a {label} of more than {LONGEST_NAME} characters")
    return found


def number(fields: Fields, label: str, default: float = 0) -> float:
    """Return a time, or a part of one."""
    found = fields.get(label, default)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise InvalidValue(f"has a {label} that is no number")
    return float(found)


def path(name: str) -> Path:
    """Return what a whole name names."""
    try:
        return paths.parse(name)
    except InvalidName as error:
        raise InvalidValue(f"has a name that {error.reason}") from error


def time(base: float, offset: float) -> float | None:
    """Return the sum of both; 0 is now, which is what nothing says as well."""
    if not math.isfinite(total := base + offset):
        raise InvalidValue("has a time that is not finite")
    return total or None


def only(fields: Fields, labels: tuple[str, ...]) -> str | None:
    """Return the one of these labels that a record has, or None."""
    found = [each for each in labels if each in fields]
    if len(found) > 1:
        raise InvalidValue(f"has {found[0]} and {found[1]}")
    return found[0] if found else None
