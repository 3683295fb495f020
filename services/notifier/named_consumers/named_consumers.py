"""Named consumers: what an account's applications read at their own pace, each its own.

A consumer is a name, a selection of the account's facts, and a place in the stream. It
belongs to the account, not to an API key, and any number of them do not see each other.
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from homeport import names
from homeport.errors import InvalidFormat, InvalidName, InvalidParameter
from homeport.events import subjects
from homeport.events.facts import FactName
from homeport.names import AccountId
from services.notifier.subscriptions.subscriptions import (
    MOST_PATHS,
    PATH_LENGTH,
    normal,
)

MOST_DEVICES = 1024
MOST_GROUPS = 10

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_GROUP = re.compile(r"[0-9a-f]{32}")
_ANY = "*"
"""At the end of a path it stands for any continuation, as in presubscriptions."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which facts are meant; what is empty excludes nothing.

    ``paths`` are those of values and of device requests; facts without a path pass.
    Who is in ``groups`` changes; whoever asks has to say it.
    """

    facts: frozenset[FactName] = frozenset()
    devices: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()
    _beginnings: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Keep the paths that begin others where they are found at once."""
        begun = sorted(path[:-1] for path in self.paths if path.endswith(_ANY))
        object.__setattr__(self, "_beginnings", tuple(begun))

    def subjects(self, account: AccountId) -> list[str]:
        """Return the subjects of the facts that are meant."""
        if not self.facts:
            return [subjects.of_account(account)]
        return [subjects.subject(account, fact) for fact in sorted(self.facts)]

    def means(self, body: bytes, members: Container[str] = ()) -> bool:
        """Say whether a fact is meant; raise InvalidFormat.

        ``members`` hold its device if that is in one of the groups.
        """
        if not (self.facts or self.devices or self.groups or self.paths):
            return True
        fact, device, path = _read(body)
        if self.facts and fact not in self.facts:
            return False
        if self.devices and device not in self.devices:
            return False
        if self.groups and device not in members:
            return False
        return not self.paths or path is None or self._covers(path)

    def _covers(self, path: str) -> bool:
        return path in self.paths or path.startswith(self._beginnings)


@dataclass(frozen=True, slots=True)
class NamedConsumer:
    """A consumer of an account.

    ``id`` is hex and never given again. ``reader`` is the newest that reads, '' when it
    has left.
    """

    id: str
    account: AccountId
    name: str
    selection: Selection
    reader: str
    created_at: datetime


def device_of(body: bytes) -> str:
    """Return the device of a fact; raise InvalidFormat."""
    _, device, _ = _read(body)
    return device


def parse_name(text: str) -> str:
    """Validate a name; raise InvalidParameter."""
    if not _NAME.fullmatch(text):
        raise InvalidParameter("consumer", "is no name of 1 to 64 letters and digits")
    return text


def select(given: Mapping[str, Any]) -> Selection:
    """Read a selection as callers give it and as it is stored.

    Raises InvalidParameter naming what is wrong.
    """
    facts = frozenset(map(_fact, given.get("facts") or ()))
    devices = frozenset(map(_device, given.get("devices") or ()))
    groups = frozenset(map(_group, given.get("groups") or ()))
    paths = frozenset(map(_path, given.get("paths") or ()))
    if len(devices) > MOST_DEVICES:
        raise InvalidParameter("devices", f"are more than {MOST_DEVICES}")
    if len(groups) > MOST_GROUPS:
        raise InvalidParameter("groups", f"are more than {MOST_GROUPS}")
    if len(paths) > MOST_PATHS:
        raise InvalidParameter("paths", f"are more than {MOST_PATHS}")
    return Selection(facts, devices, groups, paths)


def show(selection: Selection) -> dict[str, list[str]]:
    """Build what `select` reads."""
    return {
        "facts": sorted(selection.facts),
        "devices": sorted(selection.devices),
        "groups": sorted(selection.groups),
        "paths": sorted(selection.paths),
    }


def _read(body: bytes) -> tuple[str, str, str | None]:
    """Return the name, the device and the path of a fact; raise InvalidFormat."""
    try:
        fact = orjson.loads(body)
        return fact["fact"], fact["device_id"], fact.get("path")
    except orjson.JSONDecodeError as error:
        raise InvalidFormat("fact", error.msg, position=error.pos) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidFormat("fact", f"{type(error).__name__} {error}") from error


def _fact(name: str) -> FactName:
    try:
        return FactName(name)
    except ValueError as error:
        raise InvalidParameter("facts", f"hold {name!a}, which is none") from error


def _device(text: str) -> str:
    try:
        return names.parse_device_id(text)
    except InvalidName as error:
        raise InvalidParameter("devices", "hold what is no device id") from error


def _group(text: str) -> str:
    lowered = text.lower()
    if not _GROUP.fullmatch(lowered):
        raise InvalidParameter("groups", "hold what is no group id")
    return lowered


def _path(text: str) -> str:
    if not 1 <= len(text) <= PATH_LENGTH:
        raise InvalidParameter("paths", f"have more than {PATH_LENGTH} characters")
    return normal(text)
