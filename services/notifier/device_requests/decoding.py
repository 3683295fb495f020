"""The values in a payload, as JSON, by the definitions of its object."""

from collections.abc import Mapping, Sequence

from homeport.errors import InvalidInput
from homeport.protocol import paths, resources
from homeport.protocol.formats import codecs
from homeport.protocol.formats.records import Record
from homeport.protocol.objects.definitions import Definitions

Values = Mapping[str, object]
"""Values by their paths; null where a path has none."""

_TEXT = 0
"""What a payload is that names no content format."""


def decode(
    path: str, payload: bytes, content_format: int | None, definitions: Definitions
) -> Values | None:
    """Decode what a device has said of a path; None where that makes no values."""
    try:
        records: Sequence[Record] = codecs.decode(
            _TEXT if content_format is None else content_format,
            payload,
            base=paths.parse(path),
            definitions=definitions,
        )
    except InvalidInput:
        return None
    return {
        paths.build(each.path): None
        if each.value is None
        else resources.build(each.value)
        for each in records
    }
