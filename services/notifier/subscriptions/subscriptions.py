"""What an application wants to be notified of: single resources, and rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_RULES = 1024
MOST_PATHS = 256
NAME_LENGTH = 64
PATH_LENGTH = 128
"""Limits of presubscriptions (R-105)."""

_ANY = "*"
"""At the end of a name or a path it stands for any continuation (R-104)."""


def normal(path: str) -> str:
    """Write a path as devices' structures do; empty segments do not count (R-4)."""
    return "/" + "/".join(segment for segment in path.split("/") if segment)


@dataclass(frozen=True, slots=True)
class Presubscription:
    """A rule: which resources of which devices; what is '' or empty excludes nothing.

    ``endpoint_name`` is a device's id or what it calls itself (R-107).
    """

    endpoint_name: str = ""
    endpoint_type: str = ""
    paths: tuple[str, ...] = ()
    exact: frozenset[str] = field(init=False)
    _prefixes: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Part the paths into those that are meant and those that begin others."""
        begun = tuple(path[:-1] for path in self.paths if path.endswith(_ANY))
        object.__setattr__(self, "_prefixes", begun)
        whole = frozenset(path for path in self.paths if not path.endswith(_ANY))
        object.__setattr__(self, "exact", whole)

    def is_for(self, device: str, endpoint_name: str, endpoint_type: str) -> bool:
        """Say whether a device is meant."""
        if self.endpoint_type not in ("", endpoint_type):
            return False
        name = self.endpoint_name
        if name.endswith(_ANY):
            return endpoint_name.startswith(name[:-1]) or device.startswith(
                name[:-1].lower()
            )
        return name in ("", endpoint_name) or name.lower() == device

    def covers(self, path: str) -> bool:
        """Say whether a path is meant."""
        if not self.paths:
            return True
        return path in self.exact or path.startswith(self._prefixes)


@dataclass(frozen=True, slots=True)
class Interest:
    """Everything that a key wants: pairs of a device and a path, and rules."""

    subscribed: frozenset[tuple[str, str]] = frozenset()
    rules: tuple[Presubscription, ...] = ()

    def wants(
        self, device: str, path: str, *, endpoint_name: str, endpoint_type: str
    ) -> bool:
        """Say whether the key is told of a path of a device."""
        return (device, path) in self.subscribed or any(
            rule.covers(path) and rule.is_for(device, endpoint_name, endpoint_type)
            for rule in self.rules
        )


NOTHING = Interest()


def rules(given: Iterable[Mapping[str, Any]]) -> tuple[Presubscription, ...]:
    """Read rules as they are stored: in the words of R-103."""
    return tuple(
        Presubscription(
            each.get("endpoint-name", ""),
            each.get("endpoint-type", ""),
            tuple(map(normal, each.get("resource-path", ()))),
        )
        for each in given
    )
