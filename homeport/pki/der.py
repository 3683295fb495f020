"""DER, as much of it as it takes to look into what is signed (X.690 §8.1, §10)."""

from homeport.errors import InvalidFormat

_SEQUENCE = 0x30
_LONG = 0x80
_LONGEST_LENGTH = 2


def children(element: bytes) -> list[bytes]:
    """Split a SEQUENCE into its parts, with their headers.

    Raises InvalidFormat with the position where it breaks off.
    """
    if element[:1] not in (b"", bytes([_SEQUENCE])):
        raise _invalid("is no SEQUENCE", 0)
    at, end = _content(element, 0, len(element))
    if end != len(element):
        raise _invalid("goes on behind its end", end)
    parts: list[bytes] = []
    while at < end:
        _, following = _content(element, at, end)
        parts.append(element[at:following])
        at = following
    return parts


def sequence(*parts: bytes) -> bytes:
    """Build a SEQUENCE of encoded parts."""
    content = b"".join(parts)
    return bytes([_SEQUENCE]) + _length(len(content)) + content


def _content(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return where the content of the element at a position starts and ends."""
    start = at + 2
    if start > end:
        raise _invalid("breaks off in a header", at)
    length = data[at + 1]
    if length >= _LONG:
        width = length - _LONG
        if not 1 <= width <= _LONGEST_LENGTH:
            raise _invalid("has a length that is not taken", at)
        start += width
        length = int.from_bytes(data[start - width : start], "big")
    if start + length > end:
        raise _invalid("has content that breaks off", at)
    return start, start + length


def _length(length: int) -> bytes:
    if length < _LONG:
        return bytes([length])
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([_LONG + len(digits)]) + digits


def _invalid(reason: str, position: int) -> InvalidFormat:
    return InvalidFormat("DER", reason, position=position)
