"""Paths: objects, their instances, resources and the instances of those, by number.

``/3/0/6/1`` is the second value of resource 6 in the only instance of object 3; ``/``
is the device as a whole (LwM2M 1.1 core §7.3).
"""

import re
from typing import NewType

from homeport.errors import InvalidName

Path = NewType("Path", tuple[int, ...])
"""Up to four ids, from the object to the resource instance."""

ROOT = Path(())
LARGEST_ID = 65_535
OBJECT, INSTANCE, RESOURCE, RESOURCE_INSTANCE = 1, 2, 3, 4
"""How many ids a path of each kind has."""

_PATH = re.compile(r"(?:/(?:0|[1-9][0-9]{0,4})){1,4}")


def parse(text: str) -> Path:
    """Parse ``/3/0/6``; raise InvalidName for everything else but ``/``."""
    if text == "/":
        return ROOT
    if _PATH.fullmatch(text) is None:
        raise InvalidName("path", "is not made of one to four numbers")
    ids = tuple(map(int, text[1:].split("/")))
    if max(ids) > LARGEST_ID:
        raise InvalidName("path", f"has a number above {LARGEST_ID}")
    return Path(ids)


def build(path: Path) -> str:
    """Build the text that `parse` reads."""
    return "".join(f"/{each}" for each in path) or "/"


def below(path: Path, *ids: int) -> Path:
    """Return what these ids name below a path."""
    return Path((*path, *ids))


def within(path: Path, base: Path) -> bool:
    """Say whether a path is the base or below it."""
    return path[: len(base)] == base


def suffix(path: Path, base: Path) -> str:
    """Build what follows the base in a path's text, which may be nothing."""
    return build(path) if base == ROOT else build(path)[len(build(base)) :]
