"""JSON as content formats use it, parsed by orjson (RFC 8259)."""

import orjson

from homeport.errors import InvalidFormat


def parse(payload: bytes, format_name: str) -> object:
    """Parse a document; raise InvalidFormat, in this name, with the position.

    What has no double is no number here, and neither is NaN.
    """
    try:
        parsed: object = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise InvalidFormat(format_name, "is no JSON", position=error.pos) from error
    return parsed
