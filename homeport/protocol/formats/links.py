"""Link format: paths, and the values that Izuma's devices put beside them (REG-5)."""

import re
from collections.abc import Iterator, Sequence

from homeport.errors import InvalidName, InvalidValue
from homeport.protocol import linkformat, paths
from homeport.protocol.formats import payloads, values
from homeport.protocol.formats.payloads import Reading
from homeport.protocol.formats.records import Record
from homeport.protocol.linkformat import Link
from homeport.protocol.objects.definitions import Definitions
from homeport.protocol.paths import Path

_VALUE = "v"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def decode(payload: bytes, base: Path, definitions: Definitions) -> tuple[Record, ...]:
    """Decode a record of each link, its value from ``v="22"`` where it has one.

    Raises InvalidFormat. What else is said of links, `linkformat` tells.
    """
    reading = Reading(
        "link format", values.from_text, base=base, definitions=definitions
    )
    for link in linkformat.parse(payload):
        try:
            path = paths.parse(link.target)
        except InvalidName as error:
            raise reading.invalid(f"has a link that {error.reason}") from error
        value = link.attributes.get(_VALUE)
        reading.add(path, value.encode() if isinstance(value, str) else None)
    return reading.records


def encode(records: Sequence[Record], base: Path) -> bytes:
    """Encode links; raise InvalidValue for records that cannot be links."""
    payloads.check(records, base)
    return linkformat.build(_links(records))


def _links(records: Sequence[Record]) -> Iterator[Link]:
    for each in records:
        text = None if each.value is None else values.to_text(each.value)
        if text is not None and _CONTROL.search(text):
            raise InvalidValue("has a control character, which no link can have")
        attributes = {} if text is None else {_VALUE: text}
        yield Link(paths.build(each.path), attributes)
