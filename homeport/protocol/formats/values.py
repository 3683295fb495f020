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

_SIGNED = range(-1 << 63, 1 << 63)
_UNSIGNED = range(1 << 64)
_EXACT = 1 << 53
"""Up to here a float says one integer only (RFC 7493 §2.2)."""
_WIDTHS = (1, 2, 4, 8)
_FLOATS = {4: ">f", 8: ">d"}

_INTEGER = re.compile(r"-?[0-9]{1,20}")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LINK = re.compile(r"([0-9]{1,5}):([0-9]{1,5})")
_BASE64 = re.compile(r"[0-9A-Za-z+/]*")
_URL_SAFE = str.maketrans("-_", "+/")


def check(value: Value) -> None:
    """Raise InvalidValue for what no format can carry, whatever its type."""
    match value:
        case int() if not -1 << 63 <= value < 1 << 64:
            raise InvalidValue("has an integer that is too large")
        case Time(seconds) if seconds not in _SIGNED:
            raise InvalidValue("has a time that is too far away")
        case float() if not math.isfinite(value):
            raise InvalidValue("has a number that is not finite")
        case ObjectLink(first, second) if not (
            0 <= first <= LARGEST_ID and 0 <= second <= LARGEST_ID
        ):
            raise InvalidValue("has a link that is too large")
        case str():
            _encode(value)


def fit(value: Value, kind: Type | None) -> Value:
    """Make a value of this type of one that a format with types of its own has."""
    match kind, value:
        case (None, _) | (Type.BOOLEAN, bool()) | (Type.OPAQUE, bytes()):
            return value
        case (Type.STRING | Type.CORE_LINK, str()) | (Type.OBJECT_LINK, ObjectLink()):
            return value
        case (Type.OBJECT_LINK, str()):
            return parse_link(value)
        case (Type.TIME, Time()):
            return value
        case (Type.FLOAT, int() | float()) if not isinstance(value, bool):
            return float(value)
        case (Type.INTEGER | Type.UNSIGNED_INTEGER | Type.TIME, int() | float()) if (
            not isinstance(value, bool)
        ):
            return _fit_integer(value, kind)
    raise InvalidValue(f"has a value that is no {kind.value if kind else ''}")
