"""What a device's resource structure says of paths, asked without asking the device."""

from collections.abc import Iterable
from typing import Any

import orjson

from homeport.errors import InvalidName
from homeport.protocol import paths
from homeport.protocol.paths import Path
from services.notifier.subscriptions.subscriptions import Presubscription

_UNREADABLE = frozenset({0, 21})
"""Objects whose values no server may read (B-207)."""

Entry = dict[str, Any]
"""What is listed of a path (`homeport.events.facts.Resource`)."""


class Structure:
    """The paths that a device has listed."""

    def __init__(self, text: str) -> None:
        self.entries: list[Entry] = orjson.loads(text)
        self._listed = {each["path"]: each for each in self.entries}
        self._paths = {path for path in map(_parse, self._listed) if path}
        self._tells = any(each.get("obs") for each in self.entries)

    def has(self, path: str) -> bool:
        """Say whether a device has a path, as far as it lists that (R-88).

        An object or an instance decides where nothing below it is listed.
        """
        if path in self._listed:
            return True
        wanted = _parse(path)
        if not wanted:
            return False
        listed = [each for each in self._paths if each[:1] == wanted[:1]]
        for length in range(paths.INSTANCE, len(wanted) + 1):
            below = [each for each in listed if len(each) >= length]
            if not below:
                break
            listed = [each for each in below if each[:length] == wanted[:length]]
        return bool(listed)

    def observed_for(self, rules: Iterable[Presubscription]) -> set[str]:
        """Return the paths that rules want to have observed of this device.

        Those are listed as observable, of a device that lists any as such. Of another
        device a rule has to name them, or the instances that they are.
        """
        wanted: set[str] = set()
        for rule in rules:
            if self._tells:
                wanted |= {
                    path
                    for path, entry in self._listed.items()
                    if entry.get("obs") and rule.covers(path)
                }
            elif rule.paths:
                wanted |= {path for path in rule.exact if self.has(path)}
                wanted |= {
                    path
                    for path in self._listed
                    if rule.covers(path) and _is_readable(path)
                }
        return wanted


def _parse(path: str) -> Path:
    """Parse a path; what is no path of LwM2M is nothing."""
    try:
        return paths.parse(path)
    except InvalidName:
        return paths.ROOT


def _is_readable(path: str) -> bool:
    found = _parse(path)
    return len(found) >= paths.INSTANCE and found[0] not in _UNREADABLE
