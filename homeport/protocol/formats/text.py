"""Plain text: the value of one resource (LwM2M 1.1 core §7.4.1)."""

from collections.abc import Sequence

from homeport.protocol.formats import payloads, values
from homeport.protocol.formats.payloads import Reading
from homeport.protocol.formats.records import Record
from homeport.protocol.objects.definitions import Definitions
from homeport.protocol.paths import Path

CONTENT_FORMAT = 0


def decode(payload: bytes, base: Path, definitions: Definitions) -> tuple[Record, ...]:
    """Decode the value of the base; raise InvalidFormat if it is not of its type."""
    reading = Reading("text", values.from_text, base=base, definitions=definitions)
    reading.add(base, payload)
    return reading.records


def encode(records: Sequence[Record], base: Path) -> bytes:
    """Encode the one value; raise InvalidValue if there is anything else."""
    return values.to_text(payloads.only_value(records, base)).encode()
