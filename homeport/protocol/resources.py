"""The values of one object instance, as people write them down: JSON by resource id.

``{"1": 300, "7": "UQ", "6": {"0": 1, "1": 5}}``: a resource with several values has
them by instance, or in a list. Opaque values are base64, links ``"66:0"``, and a time
is its seconds since 1970 or ``"now"``: when it is written to the device.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from homeport.errors import InvalidName, InvalidParameter, InvalidValue
from homeport.protocol import paths
from homeport.protocol.formats import values
from homeport.protocol.formats.records import ObjectLink, Record, Time, Value
from homeport.protocol.objects.definitions import (
    ObjectDefinition,
    Operations,
    ResourceDefinition,
    Type,
)
from homeport.protocol.paths import Path

NOW_TEXT = "now"
MOST_VALUES = 64
"""Values of a resource that has several."""

_SECRET = re.compile("secret|password|passphrase|private key", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Now:
    """The time at which it is written to the device."""


Resources = Mapping[Path, Value | Now]
"""Values by the resource, or by the resource and its instance."""


def records(
    resources: Resources, instance: Path, *, now: int = 0
) -> tuple[Record, ...]:
    """Place resources in an instance; ``now`` is in seconds since 1970."""
    return tuple(
        Record(
            paths.below(instance, *path),
            Time(now) if isinstance(value, Now) else value,
        )
        for path, value in resources.items()
    )


def parse(given: Mapping[str, object], definition: ObjectDefinition) -> Resources:
    """Parse resources of an object; raise InvalidParameter that names the resource."""
    found: dict[Path, Value | Now] = {}
    for name, written in given.items():
        try:
            resource = _resource(name, definition)
            for path, value in _written(resource, written):
                found[path] = _value(value, resource.type)
        except (InvalidName, InvalidValue) as error:
            raise InvalidParameter(name, error.reason) from error
    return found


def build(value: Value) -> object:
    """Build the JSON of a value."""
    match value:
        case bytes() | ObjectLink():
            return values.to_text(value)
        case Time(seconds):
            return seconds
        case _:
            return value


def is_secret(resource: ResourceDefinition | None) -> bool:
    """Say whether values of a resource are shown to nobody.

    That is so for what may be written and not read, and for what is called a secret.
    """
    if resource is None:
        return False
    write_only = resource.operations == Operations.WRITE
    return write_only or _SECRET.search(resource.name) is not None


def _resource(name: str, definition: ObjectDefinition) -> ResourceDefinition:
    number = paths.parse(f"/{name}")
    resource = definition.resources.get(number[0]) if len(number) == 1 else None
    if resource is None:
        raise InvalidValue(
            f"is no resource of object {definition.id} {definition.name}"
        )
    if resource.type is None:
        raise InvalidValue("is executed and has no value")
    return resource


def _written(
    resource: ResourceDefinition, given: object
) -> Iterator[tuple[Path, object]]:
    match given:
        case dict() | list() if not resource.multiple:
            raise InvalidValue("has one value only")
        case dict() | list() if len(given) > MOST_VALUES:
            raise InvalidValue(f"has more than {MOST_VALUES} values")
        case dict():
            for name, value in given.items():
                yield Path((resource.id, *_instance(name))), value
        case list():
            for number, value in enumerate(given):
                yield Path((resource.id, number)), value
        case _ if resource.multiple:
            raise InvalidValue("has several values: a list, or an object by instance")
        case _:
            yield Path((resource.id,)), given


def _instance(name: str) -> Path:
    number = paths.parse(f"/{name}")
    if len(number) != 1:
        raise InvalidValue("has an instance that is no number")
    return number


def _value(given: object, kind: Type | None) -> Value | Now:
    match kind, given:
        case Type.TIME, "now":
            return Now()
        case Type.OPAQUE, str(text):
            return values.from_base64(text)
        case _, bool() | int() | float() | str():
            return values.fit(given, kind)
    raise InvalidValue(f"has a value that is no {kind.value if kind else 'value'}")
