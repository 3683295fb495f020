"""CBOR's data items as content formats use them, read strictly (RFC 8949 §3).

A general decoder makes objects of tags and hashes whatever stands for a key. This one
takes the three tags that are values of LwM2M, refuses all others, and keeps maps as
pairs; what it refuses it can point to.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from homeport.errors import InvalidFormat
from homeport.protocol.formats.records import Time

DEEPEST = 8
"""Levels of arrays, maps and tags; LwM2M CBOR needs six."""

_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_SIMPLE = {20: False, 21: True, 22: None}
_INDEFINITE = 31
_BREAK = 0xFF


class _Major(IntEnum):
    UNSIGNED = 0
    NEGATIVE = 1
    BYTES = 2
    TEXT = 3
    ARRAY = 4
    MAP = 5
    TAG = 6
    SIMPLE = 7


class Tag(IntEnum):
    """The tags that are taken (RFC 8949 §3.4)."""

    DATE_TIME = 0
    EPOCH_TIME = 1
    DECIMAL_FRACTION = 4


@dataclass(frozen=True, slots=True)
class Array:
    """Items in their order."""

    items: "tuple[Item, ...]"


@dataclass(frozen=True, slots=True)
class Map:
    """Keys and values in their order; a key may stand twice."""

    pairs: "tuple[tuple[Item, Item], ...]"


Item = int | float | str | bytes | bool | None | Time | Array | Map


def decode(payload: bytes, format_name: str) -> Item:
    """Decode one data item; raise InvalidFormat, in this name, with the position."""
    return _Reader(payload, format_name).whole()


class _Reader:
    """Reads one item after the other."""

    def __init__(self, payload: bytes, format_name: str) -> None:
        self._payload = payload
        self._format_name = format_name
        self._at = 0

    def whole(self) -> Item:
        item = self._item(0)
        if self._at < len(self._payload):
            raise self._invalid("goes on after its end", self._at)
        return item

    def _item(self, depth: int) -> Item:  # noqa: PLR0911 # one for each major type
        start = self._at
        if depth > DEEPEST:
            raise self._invalid(f"is more than {DEEPEST} levels deep", start)
        major, information = divmod(self._take(1)[0], 32)
        match major:
            case _Major.UNSIGNED:
                return self._argument(information)
            case _Major.NEGATIVE:
                return -1 - self._argument(information)
            case _Major.BYTES:
                return b"".join(self._chunks(major, information))
            case _Major.TEXT:
                return "".join(map(self._text, self._chunks(major, information)))
            case _Major.ARRAY:
                inner = self._repeat(information)
                return Array(tuple(self._item(depth + 1) for _ in inner))
            case _Major.MAP:
                inner = self._repeat(information)
                return Map(
                    tuple((self._item(depth + 1), self._item(depth + 1)) for _ in inner)
                )
            case _Major.TAG:
                number = self._argument(information)
                return self._tagged(number, self._item(depth + 1), start)
            case _:
                return self._simple(information, start)

    def _take(self, count: int) -> bytes:
        start, self._at = self._at, self._at + count
        if self._at > len(self._payload):
            raise self._invalid("breaks off", start)
        return self._payload[start : self._at]

    def _argument(self, information: int) -> int:
        """Return the number that a head carries (§3)."""
        if information < 24:  # noqa: PLR2004 # the number itself
            return information
        if information > 27:  # noqa: PLR2004 # up to here its width
            raise self._invalid("has a head without a number", self._at - 1)
        return int.from_bytes(self._take(1 << information - 24), "big")

    def _repeat(self, information: int) -> Iterator[None]:
        """Return as often as there are elements, counted or up to a break (§3.2)."""
        if information != _INDEFINITE:
            for _ in range(self._argument(information)):
                yield
            return
        while not self._breaks():
            yield

    def _breaks(self) -> bool:
        found = self._payload[self._at : self._at + 1] == bytes([_BREAK])
        self._at += found
        return found

    def _chunks(self, major: int, information: int) -> Iterator[bytes]:
        """Return the parts of a string, which is one part unless it is indefinite."""
        if information != _INDEFINITE:
            yield self._take(self._argument(information))
            return
        while not self._breaks():
            start = self._at
            inner, length = divmod(self._take(1)[0], 32)
            if inner != major:
                raise self._invalid("has something else within a string", start)
            yield self._take(self._argument(length))

    def _text(self, chunk: bytes) -> str:
        try:
            return chunk.decode()
        except UnicodeDecodeError as error:
            start = self._at - len(chunk) + error.start
            raise self._invalid("is not UTF-8", start) from error

    def _tagged(self, number: int, content: Item, start: int) -> Item:
        match number, content:
            case (_, bool()):
                pass
            case Tag.EPOCH_TIME, int():
                return Time(content)
            case Tag.EPOCH_TIME, float() if content.is_integer():
                return Time(int(content))
            case Tag.DATE_TIME, str():
                return Time(self._seconds(content, start))
            case Tag.DECIMAL_FRACTION, Array((exponent, mantissa)) if (
                type(exponent) is type(mantissa) is int
            ):
                return self._finite(float(f"{mantissa}e{exponent}"), start)
        raise self._invalid(f"has tag {number}, which says nothing here", start)

    def _seconds(self, text: str, start: int) -> int:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise self._invalid("has a time that is none", start) from error
        if moment.tzinfo is None or moment.microsecond:
            raise self._invalid("has a time without zone or with a fraction", start)
        return int(moment.timestamp())

    def _simple(self, information: int, start: int) -> Item:
        if information in _SIMPLE:
            return _SIMPLE[information]
        if information not in _FLOATS:
            raise self._invalid("has a simple value that is none of ours", start)
        width = 1 << information - 24
        (number,) = struct.unpack(_FLOATS[information], self._take(width))
        return self._finite(float(number), start)

    def _finite(self, number: float, start: int) -> float:
        if not math.isfinite(number):
            raise self._invalid("has a number that is not finite", start)
        return number

    def _invalid(self, reason: str, position: int) -> InvalidFormat:
        return InvalidFormat(self._format_name, reason, position=position)
