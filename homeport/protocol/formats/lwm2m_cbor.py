"""LwM2M CBOR: maps in maps, by the ids of paths (LwM2M 1.2 core §7.4.7).

A key is an id, or an array of those that follow each other: ``{[3, 0]: {9: 95}}``.
"""

from collections.abc import Sequence

import cbor2

from homeport.errors import InvalidValue
from homeport.protocol import paths
from homeport.protocol.formats import cbor, cbor_items, payloads
from homeport.protocol.formats.cbor_items import Array, Item, Map
from homeport.protocol.formats.payloads import Reading
from homeport.protocol.formats.records import Record
from homeport.protocol.objects.definitions import Definitions
from homeport.protocol.paths import ROOT, Path

CONTENT_FORMAT = 11544
_NAME = "LwM2M CBOR"


def decode(payload: bytes, base: Path, definitions: Definitions) -> tuple[Record, ...]:
    """Decode records; raise InvalidFormat with the position."""
    reading = Reading(_NAME, cbor.to_value, base=base, definitions=definitions)
    item = cbor_items.decode(payload, _NAME)
    if not isinstance(item, Map):
        raise reading.invalid("is no map")
    _read(reading, ROOT, item)
    return reading.records


def encode(records: Sequence[Record], base: Path) -> bytes:
    """Encode records, a key for each id; raise InvalidValue for what has no place."""
    payloads.check(records, base)
    whole: dict[int, object] = {}
    for each in records:
        if each.path == ROOT:
            raise InvalidValue("has the root, which has no key")
        _write(whole, each)
    return cbor2.dumps(whole)


def _read(reading: Reading[Item], path: Path, item: Item) -> None:
    match item:
        case Map(pairs) if pairs or path == ROOT:
            for key, inner in pairs:
                _read(reading, _below(reading, path, key), inner)
        case Map():
            reading.add(path, None)
        case _:
            reading.add(path, item)


def _below(reading: Reading[Item], path: Path, key: Item) -> Path:
    ids = key.items if isinstance(key, Array) else (key,)
    numbers = [each for each in ids if type(each) is int]
    deep = len(path) + len(ids) > paths.RESOURCE_INSTANCE
    if deep or not numbers or len(numbers) < len(ids):
        raise reading.invalid("has a key that makes no path")
    if not all(0 <= each <= paths.LARGEST_ID for each in numbers):
        raise reading.invalid(f"has a key that is not from 0 to {paths.LARGEST_ID}")
    return paths.below(path, *numbers)


def _write(whole: dict[int, object], record: Record) -> None:
    *above, last = record.path
    inner = whole
    for number in above:
        found = inner.setdefault(number, {})
        if not isinstance(found, dict):
            raise InvalidValue(f"has {paths.build(record.path)} and a value above it")
        inner = found
    if last in inner:
        raise InvalidValue(f"has {paths.build(record.path)} and a value below it")
    inner[last] = None if record.value is None else cbor.from_value(record.value)
