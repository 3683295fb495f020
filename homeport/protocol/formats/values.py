"""Values and their types: as JSON and CBOR have them, as text, and as TLV's bytes.

Appendix C of LwM2M 1.1 core says how each type is written. Where the type is not known,
what is written stays what it is.
"""

import base64
import binascii
import math
import re
import struct

from homeport.errors import InvalidValue
from homeport.protocol.formats.records import ObjectLink, Time, Value
from homeport.protocol.objects.definitions import Type
from homeport.protocol.paths import LARGEST_ID

_CLASSES = {
    Type.STRING: str,
    Type.CORE_LINK: str,
    Type.BOOLEAN: bool,
    Type.OPAQUE: bytes,
    Type.OBJECT_LINK: ObjectLink,
    Type.TIME: Time,
}
"""What values of a type are; of numbers more than their class has to fit."""
_SIGNED = range(-1 << 63, 1 << 63)
_UNSIGNED = range(1 << 64)
_IDS = range(LARGEST_ID + 1)
_EXACT = 1 << 53
"""Up to here a float says one integer only (RFC 7493 §2.2)."""

_WIDTHS = (1, 2, 4, 8)
_FLOATS = {4: ">f", 8: ">d"}
_LINK_BYTES = ">HH"

_INTEGER = re.compile(r"-?[0-9]{1,20}")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LINK = re.compile(r"([0-9]{1,5}):([0-9]{1,5})")
_SURROGATE = re.compile("[\ud800-\udfff]")
_URL_SAFE = str.maketrans("-_", "+/")


def check(value: Value) -> None:
    """Raise InvalidValue for what no format can carry, whatever its type."""
    match value:
        case int() if value not in _SIGNED and value not in _UNSIGNED:
            raise InvalidValue("has an integer of more than 64 bits")
        case float() if not math.isfinite(value):
            raise InvalidValue("has a number that is not finite")
        case Time(seconds) if seconds not in _SIGNED:
            raise InvalidValue("has a time of more than 64 bits")
        case ObjectLink() if not (
            value.object_id in _IDS and value.instance_id in _IDS
        ):
            raise InvalidValue(f"has a link with an id that is not 0 to {LARGEST_ID}")
        case str() if _SURROGATE.search(value):
            raise InvalidValue("has half a character")


def fit(value: Value, kind: Type | None) -> Value:
    """Make a value of this type of what a format says that has types of its own."""
    check(value)
    if kind is None or isinstance(value, _CLASSES.get(kind, ())):
        return value
    match kind, value:
        case _, bool():
            pass
        case Type.FLOAT, int() | float():
            return float(value)
        case Type.INTEGER | Type.UNSIGNED_INTEGER | Type.TIME, int():
            return _integer(value, kind)
        case Type.INTEGER | Type.UNSIGNED_INTEGER | Type.TIME, float() if (
            value.is_integer() and abs(value) <= _EXACT
        ):
            return _integer(int(value), kind)
        case Type.OBJECT_LINK, str():
            return parse_link(value)
    raise _unfit(kind)


def from_text(  # noqa: PLR0911 # one for each type
    written: bytes, kind: Type | None
) -> Value:
    """Read text; what is of no known type and no UTF-8 either stays bytes."""
    try:
        text = written.decode()
    except UnicodeDecodeError as error:
        if kind is None:
            return written
        raise InvalidValue("has text that is not UTF-8") from error
    match kind:
        case None | Type.STRING | Type.CORE_LINK:
            return text
        case Type.BOOLEAN if text in ("0", "1"):
            return text == "1"
        case Type.FLOAT if _FLOAT.fullmatch(text):
            return float(text)
        case Type.INTEGER | Type.UNSIGNED_INTEGER | Type.TIME if _INTEGER.fullmatch(
            text
        ):
            return _integer(int(text), kind)
        case Type.OPAQUE:
            return from_base64(text)
        case Type.OBJECT_LINK:
            return parse_link(text)
    raise _unfit(kind)


def to_text(value: Value) -> str:
    """Write the text that `from_text` reads."""
    match value:
        case bool():
            return str(int(value))
        case int() | float():
            return repr(value)
        case Time(seconds):
            return repr(seconds)
        case str():
            return value
        case bytes():
            return base64.b64encode(value).decode()
        case ObjectLink():
            return build_link(value)


def from_bytes(written: bytes, kind: Type | None) -> Value:
    """Read the bytes of a TLV; without a type they stay bytes."""
    match kind, len(written):
        case None | Type.OPAQUE, _:
            return written
        case Type.STRING | Type.CORE_LINK, _:
            return from_text(written, kind)
        case Type.BOOLEAN, 1 if written in b"\x00\x01":
            return written == b"\x01"
        case Type.FLOAT, 4 | 8 as width:
            (number,) = struct.unpack(_FLOATS[width], written)
            return float(number)
        case Type.INTEGER | Type.UNSIGNED_INTEGER | Type.TIME, 1 | 2 | 4 | 8:
            signed = kind is not Type.UNSIGNED_INTEGER
            return _integer(int.from_bytes(written, "big", signed=signed), kind)
        case Type.OBJECT_LINK, 4:
            return ObjectLink(*struct.unpack(_LINK_BYTES, written))
    raise _unfit(kind)


def to_bytes(value: Value) -> bytes:
    """Write the bytes that `from_bytes` reads, integers in as few as they need."""
    match value:
        case int():
            return _integer_bytes(value)
        case Time(seconds):
            return _integer_bytes(seconds)
        case float():
            return struct.pack(_FLOATS[8], value)
        case str():
            return value.encode()
        case bytes():
            return value
        case ObjectLink(object_id, instance_id):
            return struct.pack(_LINK_BYTES, object_id, instance_id)


def parse_link(text: str) -> ObjectLink:
    """Parse ``66:0``; raise InvalidValue for everything else."""
    if (found := _LINK.fullmatch(text)) is None:
        raise _unfit(Type.OBJECT_LINK)
    link = ObjectLink(int(found[1]), int(found[2]))
    check(link)
    return link


def build_link(link: ObjectLink) -> str:
    """Build the text that `parse_link` reads."""
    return f"{link.object_id}:{link.instance_id}"


def from_base64(text: str) -> bytes:
    """Decode base64 in either alphabet, with or without padding (RFC 4648 §5)."""
    stripped = text.rstrip("=").translate(_URL_SAFE)
    try:
        return base64.b64decode(stripped + "=" * (-len(stripped) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidValue("has something else than base64") from error


def _integer(value: int, kind: Type) -> int | Time:
    if value not in (_UNSIGNED if kind is Type.UNSIGNED_INTEGER else _SIGNED):
        raise _unfit(kind)
    return Time(value) if kind is Type.TIME else value


def _integer_bytes(value: int) -> bytes:
    if value not in _SIGNED:
        return value.to_bytes(8, "big")
    needed = (value if value >= 0 else ~value).bit_length() // 8 + 1
    width = next(each for each in _WIDTHS if each >= needed)
    return value.to_bytes(width, "big", signed=True)


def _unfit(kind: Type | None) -> InvalidValue:
    return InvalidValue(f"has a value that is no {kind.value if kind else 'value'}")
