"""The objects of a simulated device, few and small.

A server account, the device itself, firmware that never comes, a temperature. What may
be done to a resource, the object definitions say.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from itertools import count

from homeport.errors import NotAllowed
from homeport.protocol import paths
from homeport.protocol.formats.records import Record, Time, Value
from homeport.protocol.linkformat import Link
from homeport.protocol.objects.core import CORE
from homeport.protocol.objects.definitions import Operations
from homeport.protocol.paths import Path

BATTERY, TEMPERATURE = Path((3, 0, 9)), Path((3303, 0, 5700))
COUNTER, STATE = Path((3200, 0, 5501)), Path((10252, 0, 2))
"""What changes by itself, the last two in Izuma's devices."""
MOST_INSTANCES = 16
_CYCLE = 101
"""Everything that changes stays below this."""
_SERVER, _LIFETIME = 1, 1
_MADE = 1_767_225_600
"""What a device without a clock takes for the time: 2026 has begun."""


class Action(Enum):
    """What a device does once it has answered that it will."""

    REBOOT = auto()
    UPDATE = auto()
    LEAVE = auto()
    BOOTSTRAP = auto()
    RESET = auto()
    """Become what it was when it was made."""


_ACTIONS: Mapping[tuple[int, int], Action] = {
    (3, 4): Action.REBOOT,
    (3, 5): Action.RESET,
    (1, 4): Action.LEAVE,
    (1, 8): Action.UPDATE,
    (1, 9): Action.BOOTSTRAP,
}
"""What it means to execute a resource of an object."""


class Objects:
    """The objects of one device, one of Izuma's where it is ``izuma``."""

    def __init__(self, name: str, *, lifetime: int, izuma: bool = False) -> None:
        account = Path((_SERVER, 0 if izuma else 1))
        self._lifetime = paths.below(account, _LIFETIME)
        self._created: set[Path] = set()
        self._attributes: dict[Path, dict[str, str]] = {}
        self._values: dict[Path, Value] = {
            paths.below(account, 0): 1,
            self._lifetime: lifetime,
            paths.below(account, 6): False,
            paths.below(account, 7): "U",
            Path((3, 0, 0)): "Homeport",
            Path((3, 0, 1)): "simulated device",
            Path((3, 0, 2)): name,
            BATTERY: 100,
            Path((3, 0, 11, 0)): 0,
            Path((3, 0, 13)): Time(_MADE),
            Path((3, 0, 14)): "+00:00",
            Path((3, 0, 15)): "Etc/UTC",
            Path((3, 0, 16)): "U",
            Path((5, 0, 3)): 0,
            Path((5, 0, 5)): 0,
            TEMPERATURE: 21.0,
            Path((3303, 0, 5701)): "Cel",
        }
        if izuma:
            self._values |= {COUNTER: 0, STATE: 0, Path((14, 0, 2)): "0.0.0"}

    @property
    def lifetime(self) -> int:
        """The lifetime that the server has written."""
        lifetime = self._values[self._lifetime]
        return lifetime if isinstance(lifetime, int) else 0

    def drift(self, step: float) -> None:
        """Let time pass: the battery empties, the temperature changes by a step."""
        for path, change in (
            *((BATTERY, -1), (TEMPERATURE, step), (COUNTER, 1), (STATE, 1)),
        ):
            value = self._values.get(path)
            if isinstance(value, int | float):
                self._values[path] = round(value + change, 1) % _CYCLE

    def read(self, path: Path) -> list[Record]:
        """Return what is at a path and below it."""
        return [
            Record(each, value)
            for each, value in self._values.items()
            if paths.within(each, path)
        ]

    def allows(self, path: Path, operation: Operations) -> bool:
        """Say whether a server may do something with a resource."""
        found = CORE.resource(path)
        return found is not None and operation in found.operations

    def has(self, path: Path) -> bool:
        """Say whether there is something at a path, if only to be executed."""
        if self.read(path):
            return True
        instance = Path(path[: paths.INSTANCE])
        return (
            len(path) == paths.RESOURCE
            and bool(self.read(instance))
            and CORE.resource(path) is not None
        )

    def write(self, records: Sequence[Record], *, within: Path) -> None:
        """Write values; raise NotAllowed, and then none of them is written."""
        for each in records:
            if each.value is not None and not self.allows(each.path, Operations.WRITE):
                raise NotAllowed(f"{paths.build(each.path)} cannot be written")
        if len(within) >= paths.RESOURCE:
            self._remove(within)
        self._values |= _valued(records)

    def free(self, number: int) -> Path:
        """Return an instance that an object does not have."""
        used = {path[1] for path in self._values if path[0] == number}
        return Path((number, next(each for each in count() if each not in used)))

    def create(self, records: Sequence[Record], number: int) -> Path | None:
        """Create the instance that records are of; None where there must be no more."""
        found = CORE.find(number)
        if found is None or not found.multiple or len(self._created) >= MOST_INSTANCES:
            return None
        wanted = (Path(each.path[: paths.INSTANCE]) for each in records)
        instance = next(wanted, self.free(number))
        if self.read(instance):
            return None
        self._created.add(instance)
        self._values |= {
            paths.below(instance, *path[2:]): value
            for path, value in _valued(records).items()
        }
        return instance

    def delete(self, path: Path) -> bool:
        """Delete what was created; say whether it was."""
        if path not in self._created:
            return False
        self._created.discard(path)
        self._remove(path)
        return True

    def execute(self, path: Path) -> Action | None:
        """Return what executing a resource means."""
        return _ACTIONS.get((path[0], path[2]))

    def note(self, path: Path, attributes: Mapping[str, str]) -> None:
        """Keep notification attributes of a path."""
        self._attributes[path] = self._attributes.get(path, {}) | dict(attributes)

    def links(self, path: Path) -> Iterator[Link]:
        """List what is at a path and below it, as far as a Discover does."""
        listed = {Path(each[: paths.RESOURCE]) for each in self._values}
        above = {Path(each[:length]) for each in listed for length in (1, 2)}
        for each in sorted(listed | above):
            if paths.within(each, path):
                yield Link(paths.build(each), self._attributes.get(each, {}))

    def _remove(self, path: Path) -> None:
        for record in self.read(path):
            del self._values[record.path]


def _valued(records: Iterable[Record]) -> dict[Path, Value]:
    return {each.path: each.value for each in records if each.value is not None}
