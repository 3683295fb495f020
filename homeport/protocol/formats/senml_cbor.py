"""SenML CBOR: numbers instead of labels (RFC 8428 §6, LwM2M 1.1 core §7.4.5)."""

from collections.abc import Iterator, Sequence

import cbor2

from homeport.protocol.formats import cbor_items, senml, values
from homeport.protocol.formats.cbor_items import Array, Item, Map
from homeport.protocol.formats.fields import Fields
from homeport.protocol.formats.payloads import Reading
from homeport.protocol.formats.records import Record, Value
from homeport.protocol.objects.definitions import Definitions
from homeport.protocol.paths import Path

CONTENT_FORMAT = 112
_NAME = "SenML CBOR"

_LABELS = {
    -1: "bver",
    -2: "bn",
    -3: "bt",
    -4: "bu",
    -5: "bv",
    -6: "bs",
    0: "n",
    1: "u",
    2: "v",
    3: "vs",
    4: "vb",
    5: "s",
    6: "t",
    7: "ut",
    8: "vd",
}
"""What the numbers stand for (RFC 8428 §6, table 4); ``vlo`` has none."""
_NUMBERS = {label: number for number, label in _LABELS.items()}


def decode(payload: bytes, base: Path, definitions: Definitions) -> tuple[Record, ...]:
    """Decode records; raise InvalidFormat with the position."""
    reading = Reading(_NAME, values.fit, base=base, definitions=definitions)
    senml.read(reading, _pack(reading, payload))
    return reading.records


def encode(records: Sequence[Record], base: Path) -> bytes:
    """Encode records; raise InvalidValue for those that no payload can have."""
    return cbor2.dumps(
        [
            {_NUMBERS.get(label, label): value for label, value in fields.items()}
            for fields in senml.write(records, base)
        ]
    )


def _pack(reading: Reading[Value], payload: bytes) -> Iterator[Fields]:
    pack = cbor_items.decode(payload, _NAME)
    if not isinstance(pack, Array):
        raise reading.invalid("is no array")
    for each in pack.items:
        if not isinstance(each, Map):
            raise reading.invalid("has something else than a map")
        yield _fields(reading, each)


def _fields(reading: Reading[Value], record: Map) -> Fields:
    fields: dict[str, Item] = {}
    for key, item in record.pairs:
        match key:
            case bool():
                raise reading.invalid("has a label that is none")
            case int():
                label = _LABELS.get(key, str(key))
            case str():
                label = key
            case _:
                raise reading.invalid("has a label that is none")
        if label in fields:
            raise reading.invalid("has a label twice")
        fields[label] = item
    return fields
