"""Opaque: the bytes of one resource, as they are (LwM2M 1.1 core §7.4.2)."""

from collections.abc import Sequence

from homeport.errors import InvalidValue
from homeport.protocol.formats import payloads
from homeport.protocol.formats.payloads import Reading
from homeport.protocol.formats.records import Record, Value
from homeport.protocol.objects.definitions import Definitions, Type
from homeport.protocol.paths import Path

CONTENT_FORMAT = 42


def decode(payload: bytes, base: Path, definitions: Definitions) -> tuple[Record, ...]:
    """Decode the bytes of the base, which stay bytes whatever its type is."""
    reading = Reading("opaque", _keep, base=base, definitions=definitions)
    reading.add(base, payload)
    return reading.records


def encode(records: Sequence[Record], base: Path) -> bytes:
    """Encode the bytes of the base; raise InvalidValue if there is anything else."""
    value = payloads.only_value(records, base)
    if not isinstance(value, bytes):
        raise InvalidValue("is no bytes")
    return value


def _keep(written: bytes, _: Type | None) -> Value:
    return written
