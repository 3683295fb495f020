"""SenML JSON (RFC 8428 §5, LwM2M 1.1 core §7.4.4)."""

import base64
from collections.abc import Iterator, Sequence

import orjson

from homeport.protocol.formats import json, senml, values
from homeport.protocol.formats.fields import Fields
from homeport.protocol.formats.payloads import Reading
from homeport.protocol.formats.records import Record, Value
from homeport.protocol.objects.definitions import Definitions
from homeport.protocol.paths import Path

CONTENT_FORMAT = 110
_NAME = "SenML JSON"


def decode(payload: bytes, base: Path, definitions: Definitions) -> tuple[Record, ...]:
    """Decode records; raise InvalidFormat with the position."""
    reading = Reading(_NAME, values.fit, base=base, definitions=definitions)
    senml.read(reading, _pack(reading, payload))
    return reading.records


def encode(records: Sequence[Record], base: Path) -> bytes:
    """Encode records; raise InvalidValue for those that no payload can have."""
    return orjson.dumps(list(senml.write(records, base)), default=_encode_data)


def _pack(reading: Reading[Value], payload: bytes) -> Iterator[Fields]:
    pack = json.parse(payload, _NAME)
    if not isinstance(pack, list):
        raise reading.invalid("is no array")
    for each in pack:
        if not isinstance(each, dict):
            raise reading.invalid("has something else than an object")
        yield each


def _encode_data(value: object) -> str:
    """Encode bytes, which are all that JSON has no way to write (RFC 8428 §5)."""
    if not isinstance(value, bytes):
        raise TypeError
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
