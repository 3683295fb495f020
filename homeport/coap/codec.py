"""CoAP messages: bytes in, values out (RFC 7252 §3).

The numbers and the encoder are aiocoap's, and its types stay in here. Its decoder takes
a token or an option that breaks off for a shorter one, so the decoder is ours, and held
equal to aiocoap's on whole messages by property tests (docs/adr/0004).
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple

import aiocoap
from aiocoap.numbers.codes import Code
from aiocoap.numbers.optionnumbers import OptionNumber as Option
from aiocoap.numbers.types import Type

from homeport.errors import InvalidMessage

__all__ = ["Code", "Option", "Type"]

HEADER_LENGTH = 4
LONGEST_TOKEN = 8
_VERSION = 1
_PAYLOAD_MARKER = 0xFF
_ONE_BYTE, _TWO_BYTES, _RESERVED = 13, 14, 15
_LARGEST_OPTION = 0xFFFF
_EMPTY_ACK, _EMPTY_OPTION = 0x60, b"\xc0"

_LONGEST_REQUEST_TEXT = 128

Options = tuple[tuple[int, bytes], ...]
"""Option numbers and values, in the order of the numbers."""

_EMPTY_OPTIONS: Options = ((Option.CONTENT_FORMAT, b""),)


@dataclass(frozen=True, slots=True)
class Message:
    """One CoAP message; a string option must be UTF-8 where it is read as text."""

    type: Type
    code: Code
    message_id: int
    token: bytes = b""
    options: Options = ()
    payload: bytes = b""

    @property
    def path(self) -> tuple[str, ...]:
        """The segments of Uri-Path."""
        return self._texts(Option.URI_PATH)

    @property
    def queries(self) -> tuple[str, ...]:
        """The parts of Uri-Query."""
        return self._texts(Option.URI_QUERY)

    @property
    def location(self) -> tuple[str, ...]:
        """The segments of Location-Path."""
        return self._texts(Option.LOCATION_PATH)

    @property
    def content_format(self) -> int | None:
        """The number of the Content-Format, if there is one."""
        return self.number(Option.CONTENT_FORMAT)

    def value(self, option: int) -> bytes | None:
        """Return the first value of an option, if there is one."""
        return next((value for number, value in self.options if number == option), None)

    def number(self, option: int) -> int | None:
        """Return the first value of an option as a number, if there is one."""
        value = self.value(option)
        return None if value is None else int.from_bytes(value, "big")

    def _texts(self, option: int) -> tuple[str, ...]:
        return tuple(
            value.decode() for number, value in self.options if number == option
        )


def decode(datagram: bytes) -> Message:
    """Decode a message; raise InvalidMessage on a message format error."""
    if len(datagram) < HEADER_LENGTH:
        raise InvalidMessage("is shorter than a header")
    first, code, message_id = struct.unpack_from("!BBH", datagram)
    if first >> 6 != _VERSION:
        raise InvalidMessage(f"has version {first >> 6}")
    if code == Code.EMPTY and datagram[HEADER_LENGTH:]:
        return _decode_empty(datagram, message_id)
    start = HEADER_LENGTH + (first & 0x0F)
    if start > HEADER_LENGTH + LONGEST_TOKEN or start > len(datagram):
        raise InvalidMessage("has a token that is too long")
    options, end = _decode_options(datagram, start)
    return Message(
        Type(first >> 4 & 3),
        Code(code),
        message_id,
        datagram[HEADER_LENGTH:start],
        options,
        datagram[end:],
    )


def encode(message: Message) -> bytes:
    """Encode a message that `decode` reads."""
    made = aiocoap.Message(code=message.code, payload=message.payload)
    made.mtype, made.mid = message.type, message.message_id
    made.token = message.token
    for number, value in message.options:
        made.opt.add_option(Option(number).create_option(decode=value))
    encoded: bytes = made.encode()
    return encoded


def code_text(code: int) -> str:
    """Write a code the way people do: '4.04'."""
    return f"{code >> 5}.{code & 31:02}"


def request_text(message: Message) -> str:
    """Write what a request asks for the way people do, cut to fit a log: 'POST /rd'."""
    method = getattr(message.code, "name", code_text(message.code))
    return f"{method} /{'/'.join(message.path)}"[:_LONGEST_REQUEST_TEXT]


class Renewal(NamedTuple):
    """The hot request: an update that only says "I am still here"."""

    message_id: int
    token: bytes
    location: str


_LOCATION_LENGTH = 48
_LOCATION_OPTIONS = b"\xb2rd\x0d" + bytes([_LOCATION_LENGTH - 13])
_EMPTY_TAILS = (b"", b"\x11\x28", b"\x11\x28\x20", b"\x30")
"""Nothing, Content-Format 40, the same and Max-Age 0, Max-Age 0 alone."""


def decode_renewal(datagram: bytes) -> Renewal | None:
    """Decode ``CON POST /rd/<48 characters>`` that carries nothing else; else None.

    It costs a tenth of what `decode` does, and a large fleet sends little else.
    """
    first = datagram[0] if datagram else 0
    if first & 0xF0 != 0x40 or datagram[1:2] != b"\x02":  # noqa: PLR2004 # CON, POST
        return None
    start = HEADER_LENGTH + (first & 0x0F)
    path = start + len(_LOCATION_OPTIONS)
    end = path + _LOCATION_LENGTH
    if (
        datagram[start:path] != _LOCATION_OPTIONS
        or start > HEADER_LENGTH + LONGEST_TOKEN
        or len(datagram) < end
        or datagram[end:] not in _EMPTY_TAILS
    ):
        return None
    location = datagram[path:end]
    if not location.isalnum():
        return None
    return Renewal(
        datagram[2] << 8 | datagram[3], datagram[HEADER_LENGTH:start], location.decode()
    )


def encode_acknowledgement(code: int, message_id: int, token: bytes) -> bytes:
    """Encode a piggybacked response without options and payload."""
    return struct.pack("!BBH", 0x60 | len(token), code, message_id) + token


def encode_empty(kind: Type, message_id: int) -> bytes:
    """Encode an empty message: an acknowledgement or a reset."""
    return struct.pack("!BBH", 0x40 | int(kind) << 4, 0, message_id)


def _decode_empty(datagram: bytes, message_id: int) -> Message:
    """Decode what Izuma's clients send for an empty acknowledgement (COAP-3)."""
    if datagram[0] != _EMPTY_ACK or datagram[HEADER_LENGTH:] != _EMPTY_OPTION:
        raise InvalidMessage("is empty and goes on")
    return Message(Type.ACK, Code.EMPTY, message_id, options=_EMPTY_OPTIONS)


def _decode_options(datagram: bytes, at: int) -> tuple[Options, int]:
    """Return the options and where the payload begins."""
    options = []
    number, length = 0, len(datagram)
    while at < length:
        first = datagram[at]
        at += 1
        if first == _PAYLOAD_MARKER:
            if at == length:
                raise InvalidMessage("has a payload marker and no payload")
            break
        delta, at = _extended(datagram, at, first >> 4)
        size, at = _extended(datagram, at, first & 0x0F)
        number += delta
        if number > _LARGEST_OPTION:
            raise InvalidMessage("has an option that no number is left for")
        if at + size > length:
            raise InvalidMessage("has an option that breaks off")
        options.append((number, datagram[at : at + size]))
        at += size
    return tuple(options), at


def _extended(datagram: bytes, at: int, nibble: int) -> tuple[int, int]:
    if nibble < _ONE_BYTE:
        return nibble, at
    if nibble == _RESERVED:
        raise InvalidMessage("has an option with a reserved length")
    width = nibble - _ONE_BYTE + 1
    if at + width > len(datagram):
        raise InvalidMessage("has an option that breaks off")
    base = 13 if nibble == _ONE_BYTE else 269
    return base + int.from_bytes(datagram[at : at + width], "big"), at + width
