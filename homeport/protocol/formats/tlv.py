"""TLV: instances, resources and their values, without paths and types (§7.4.3).

`homeport.protocol.tlv` reads and writes the bytes; here they get both.
"""

from collections.abc import Iterator, Sequence

from homeport.errors import InvalidValue
from homeport.protocol import paths
from homeport.protocol import tlv as entries
from homeport.protocol.formats import payloads, values
from homeport.protocol.formats.payloads import Reading
from homeport.protocol.formats.records import Record
from homeport.protocol.objects.definitions import Definitions
from homeport.protocol.paths import Path
from homeport.protocol.tlv import (
    Entry,
    MultipleResource,
    ObjectInstance,
    Resource,
    ResourceInstance,
)

NANOSERVICE_CONTENT_FORMAT = 99
"""What Izuma's own number for this format was."""
_ONLY_INSTANCE = 0


def decode(payload: bytes, base: Path, definitions: Definitions) -> tuple[Record, ...]:
    """Decode records; raise InvalidFormat with the position.

    Resources of an object that has one instance at most may stand without it.
    """
    reading = Reading("TLV", values.from_bytes, base=base, definitions=definitions)
    for entry in entries.decode(payload):
        parent = _parent(entry, base, definitions)
        if parent is None:
            raise reading.invalid(f"has what cannot stand in {paths.build(base)}")
        _read(reading, paths.below(parent, entry.id), entry)
    return reading.records


def encode(records: Sequence[Record], base: Path) -> bytes:
    """Encode records; raise InvalidValue for what TLV cannot say."""
    payloads.check(records, base)
    return entries.encode(_entries(records, base))


def _parent(entry: Entry, base: Path, definitions: Definitions) -> Path | None:
    """Return what an entry stands in; nothing if the base cannot tell."""
    match entry, len(base):
        case _, 0:
            return None
        case ObjectInstance(), _:
            return Path(base[: paths.OBJECT])
        case Resource() | MultipleResource(), paths.OBJECT:
            found = definitions.find(base[0])
            several = found is not None and found.multiple
            return None if several else paths.below(base, _ONLY_INSTANCE)
        case Resource() | MultipleResource(), _:
            return Path(base[: paths.INSTANCE])
        case ResourceInstance(), paths.RESOURCE | paths.RESOURCE_INSTANCE:
            return Path(base[: paths.RESOURCE])
    return None


def _read(reading: Reading[bytes], path: Path, entry: Entry) -> None:
    match entry:
        case Resource(value=value) | ResourceInstance(value=value):
            reading.add(path, value)
        case ObjectInstance(resources=()) | MultipleResource(instances=()):
            reading.add(path, None)
        case ObjectInstance(resources=inner) | MultipleResource(instances=inner):
            for each in inner:
                _read(reading, paths.below(path, each.id), each)


def _entries(records: Sequence[Record], base: Path) -> Iterator[Entry]:
    match len(base):
        case 0:
            raise InvalidValue("has objects, which TLV cannot name")
        case paths.OBJECT:
            return _instances(records)
        case paths.RESOURCE_INSTANCE:
            return _resource_instances(records)
        case _:
            return _resources(records)


def _instances(records: Sequence[Record]) -> Iterator[ObjectInstance]:
    for number, group in _grouped(records, paths.INSTANCE):
        match group:
            case [Record(path)] if len(path) == paths.INSTANCE:
                yield ObjectInstance(number, ())
            case _:
                yield ObjectInstance(number, tuple(_resources(group)))


def _resources(records: Sequence[Record]) -> Iterator[Resource | MultipleResource]:
    for number, group in _grouped(records, paths.RESOURCE):
        match group:
            case [Record(path, value)] if len(path) == paths.RESOURCE:
                if value is None:
                    yield MultipleResource(number, ())
                else:
                    yield Resource(number, values.to_bytes(value))
            case _:
                yield MultipleResource(number, tuple(_resource_instances(group)))


def _resource_instances(records: Sequence[Record]) -> Iterator[ResourceInstance]:
    for number, group in _grouped(records, paths.RESOURCE_INSTANCE):
        (record,) = group
        if record.value is None:
            raise InvalidValue(f"has no value for {paths.build(record.path)}")
        yield ResourceInstance(number, values.to_bytes(record.value))


def _grouped(
    records: Sequence[Record], length: int
) -> Iterator[tuple[int, list[Record]]]:
    """Group by the last id of paths of this length, in the order of appearance."""
    groups: dict[int, list[Record]] = {}
    for each in records:
        if len(each.path) < length:
            raise InvalidValue(f"has {paths.build(each.path)}, which TLV cannot name")
        groups.setdefault(each.path[length - 1], []).append(each)
    yield from groups.items()
