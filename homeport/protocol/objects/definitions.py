"""Definitions of objects and their resources, several versions side by side.

A minor version adds to the ones before it; a major one is another object under the same
id (LwM2M 1.1 core §7.2.2).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, Flag, auto
from typing import NamedTuple

from homeport.errors import InvalidName
from homeport.protocol import paths
from homeport.protocol.paths import Path


class Type(Enum):
    """Data types of resources, as the registry spells them (LwM2M 1.1 core §C)."""

    STRING = "String"
    INTEGER = "Integer"
    UNSIGNED_INTEGER = "Unsigned Integer"
    FLOAT = "Float"
    BOOLEAN = "Boolean"
    OPAQUE = "Opaque"
    TIME = "Time"
    OBJECT_LINK = "Objlnk"
    CORE_LINK = "Corelnk"


class Operations(Flag):
    """What a server may do with a resource; nothing where only bootstrap writes it."""

    NONE = 0
    READ = auto()
    WRITE = auto()
    EXECUTE = auto()


class Version(NamedTuple):
    """A version of an object."""

    major: int
    minor: int


_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")
INITIAL = Version(1, 0)
"""What an object has that names no version."""


def parse_version(text: str) -> Version:
    """Parse ``1.1``; raise InvalidName for everything else."""
    if (found := _VERSION.fullmatch(text)) is None:
        raise InvalidName("version", "is not two numbers with a point between them")
    return Version(int(found[1]), int(found[2]))


@dataclass(frozen=True, slots=True)
class ResourceDefinition:
    """A resource; without a type it has no value: it is executed."""

    id: int
    name: str
    operations: Operations
    type: Type | None
    multiple: bool = False


@dataclass(frozen=True, slots=True)
class ObjectDefinition:
    """An object in one of its versions, and its resources by id."""

    id: int
    name: str
    version: Version
    multiple: bool
    resources: Mapping[int, ResourceDefinition]


@dataclass(frozen=True, slots=True)
class Definitions:
    """The objects that are known, and which version of them a device speaks."""

    objects: Mapping[int, Mapping[Version, ObjectDefinition]] = field(
        default_factory=dict
    )
    spoken: Mapping[int, Version] = field(default_factory=dict)

    def including(self, objects: Iterable[ObjectDefinition]) -> "Definitions":
        """Add objects; one of the same id and version takes the place of the other."""
        known = dict(self.objects)
        for each in objects:
            known[each.id] = {**known.get(each.id, {}), each.version: each}
        return replace(self, objects=known)

    def speaking(self, versions: Mapping[int, Version]) -> "Definitions":
        """Look objects up in the versions that a device lists (``</3>;ver=1.1``)."""
        return replace(self, spoken=versions)

    def find(
        self, number: int, version: Version | None = None
    ) -> ObjectDefinition | None:
        """Find an object: in this version, or the one the device speaks, or the newest.

        For a minor version that is not known the newest of the same major one stands
        in, which differs by additions alone.
        """
        known = self.objects.get(number, {})
        wanted = version or self.spoken.get(number)
        if wanted is not None and wanted in known:
            return known[wanted]
        fitting = [each for each in known if wanted is None or each[0] == wanted.major]
        return known[max(fitting)] if fitting else None

    def resource(self, path: Path) -> ResourceDefinition | None:
        """Find the resource that a path names or is an instance of."""
        if len(path) < paths.RESOURCE:
            return None
        found = self.find(path[0])
        return found.resources.get(path[2]) if found else None

    def type_of(self, path: Path) -> Type | None:
        """Return the type of the value at a path, if it is known."""
        found = self.resource(path)
        return found.type if found else None
