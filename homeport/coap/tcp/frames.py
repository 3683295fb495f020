"""Frames of CoAP over TCP: bytes in, values out (RFC 8323 §3.2).

A frame is a CoAP message that says its length and leaves out what a connection makes
needless: version, type and message id. Options and payload stay as they are.
"""

from typing import NamedTuple

from homeport.coap.blockwise import LARGEST_BODY
from homeport.coap.codec import LONGEST_TOKEN
from homeport.errors import InvalidMessage

LARGEST_MESSAGE = LARGEST_BODY + 1_152
"""Bytes of one message, both ways: the largest body and room for its options."""

_STEPS = ((13, 1), (269, 2), (65_805, 4))
"""From which length on it needs extended bytes, and how many."""
_FIRST_STEP = 13


class Frame(NamedTuple):
    """One message; ``rest`` are its options and its payload, as in a datagram."""

    code: int
    token: bytes
    rest: bytes


def parse(received: bytes | bytearray, at: int = 0) -> tuple[Frame, int] | None:
    """Parse the frame that begins at a place; return it and where the next begins.

    None while it is not all there. Raises InvalidMessage as soon as it can be no frame
    or is larger than LARGEST_MESSAGE.
    """
    if at >= len(received):
        return None
    length, token_length = received[at] >> 4, received[at] & 0x0F
    start = at + 1
    if token_length > LONGEST_TOKEN:
        raise InvalidMessage("has a token that is too long")
    if length >= _FIRST_STEP:
        base, width = _STEPS[length - _FIRST_STEP]
        if start + width > len(received):
            return None
        length = base + int.from_bytes(received[start : start + width], "big")
        start += width
    token = start + 1
    rest = token + token_length
    end = rest + length
    if end - at > LARGEST_MESSAGE:
        raise InvalidMessage("is larger than a message may be")
    if end > len(received):
        return None
    frame = Frame(
        received[start], bytes(received[token:rest]), bytes(received[rest:end])
    )
    return frame, end


def build(frame: Frame) -> bytes:
    """Build the bytes that `parse` reads."""
    nibble, extended = len(frame.rest), b""
    for number, (base, width) in enumerate(_STEPS, _FIRST_STEP):
        over = len(frame.rest) - base
        if 0 <= over < 1 << 8 * width:
            nibble, extended = number, over.to_bytes(width, "big")
    first = bytes((nibble << 4 | len(frame.token),))
    return b"".join((first, extended, bytes((frame.code,)), frame.token, frame.rest))
