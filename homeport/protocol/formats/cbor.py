"""CBOR: the value of one resource as a single data item (LwM2M 1.1 core §7.4.6)."""

from collections.abc import Sequence

import cbor2

from homeport.errors import InvalidValue
from homeport.protocol.formats import cbor_items, payloads, values
from homeport.protocol.formats.cbor_items import Array, Item, Map, Tag
from homeport.protocol.formats.payloads import Reading
from homeport.protocol.formats.records import ObjectLink, Record, Time, Value
from homeport.protocol.objects.definitions import Definitions, Type
from homeport.protocol.paths import Path

CONTENT_FORMAT = 60
_NAME = "CBOR"


def decode(payload: bytes, base: Path, definitions: Definitions) -> tuple[Record, ...]:
    """Decode the value of the base; raise InvalidFormat with the position."""
    reading = Reading(_NAME, to_value, base=base, definitions=definitions)
    item = cbor_items.decode(payload, _NAME)
    if item is None:
        raise reading.invalid("has no value")
    reading.add(base, item)
    return reading.records


def encode(records: Sequence[Record], base: Path) -> bytes:
    """Encode the one value; raise InvalidValue if there is anything else."""
    return cbor2.dumps(from_value(payloads.only_value(records, base)))


def to_value(item: Item, kind: Type | None) -> Value:
    """Make a value of a data item; raise InvalidValue if it is none of its type."""
    match item:
        case None | Array() | Map():
            raise InvalidValue("has something else than a value")
    return values.fit(item, kind)


def from_value(value: Value) -> object:
    """Make what is encoded as a value: a link is text, a time has its tag."""
    match value:
        case ObjectLink():
            return values.build_link(value)
        case Time(seconds):
            return cbor2.CBORTag(Tag.EPOCH_TIME, seconds)
        case _:
            return value
