"""What a device says of a resource, as events tell it and as it is kept."""

import base64
from collections.abc import Mapping

import orjson

from homeport.coap.codec import Message, Option, code_text
from homeport.store import values
from homeport.store.values import LastValue

DEFAULT_MAX_AGE = 60
"""Seconds for which a response holds that says nothing of it (RFC 7252 §5.10.5)."""
LONGEST_FRESH = 3 * 86_400
"""Seconds for which a value is taken for true without asking again (R-91)."""
_LARGEST_AGE = 2**32 - 1
_LARGEST_FORMAT = 65_535


def told(message: Message) -> dict[str, object]:
    """Return what a response or a notification says, by the names that facts have."""
    said: dict[str, object] = {"code": code_text(message.code)}
    if (content_format := format_of(message)) is not None:
        said["content_format"] = content_format
    said["max_age"] = max_age(message)
    said["payload"] = encoded(message.payload)
    return said


def encoded(payload: bytes) -> str:
    """Write a payload as facts have it."""
    return base64.b64encode(payload).decode()


def members(said: Mapping[str, object]) -> str:
    """Write what is said as members of JSON, which begin with a comma."""
    return "," + orjson.dumps(said).decode()[1:-1]


def max_age(message: Message) -> int:
    """Return for how many seconds it holds what a message says."""
    told_age = message.number(Option.MAX_AGE)
    return DEFAULT_MAX_AGE if told_age is None else min(told_age, _LARGEST_AGE)


def format_of(message: Message) -> int | None:
    """Return the Content-Format of a message, unless that is none that can be."""
    content_format = message.content_format
    if content_format is None or content_format > _LARGEST_FORMAT:
        return None
    return content_format


def value(message: Message, now: int) -> str:
    """Return the value that a message tells, to keep; ``now`` is in ms since 1970."""
    fresh = min(max_age(message), LONGEST_FRESH)
    return values.build(
        LastValue(format_of(message), message.payload, now, now + fresh * 1000)
    )
