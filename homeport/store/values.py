"""The last known values of a device's resources, as the store keeps them.

They are what the device has said, when, and until when that may be taken for true
without asking again (R-91).
"""

import base64
from dataclasses import dataclass

import orjson

LARGEST = 16 * 1024
"""Bytes of a value that is kept; a larger one is read from the device again."""


@dataclass(frozen=True, slots=True)
class LastValue:
    """A value; ``at`` and ``fresh_until`` are in milliseconds since 1970."""

    content_format: int | None
    payload: bytes
    at: int
    fresh_until: int


def build(value: LastValue) -> str:
    """Write a value as JSON without a line feed; nothing for one that is too large."""
    if len(value.payload) > LARGEST:
        return ""
    return orjson.dumps(
        {
            "content_format": value.content_format,
            "payload": base64.b64encode(value.payload).decode(),
            "at": value.at,
            "fresh_until": value.fresh_until,
        }
    ).decode()


def parse(text: bytes | str) -> LastValue:
    """Read what `build` wrote."""
    told = orjson.loads(text)
    return LastValue(**told | {"payload": base64.b64decode(told["payload"])})
