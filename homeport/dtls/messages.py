"""What a client says in clear while it shakes hands (RFC 5246 §7.4, RFC 6347 §4.2).

OpenSSL reads all of it again. These parsers only learn who is asking, before it costs
anything: they take nothing that could be understood in two ways, and little of it. What
follows the suites of a hello is not for them.
"""

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from homeport.dtls.records import ContentType, Record
from homeport.errors import InvalidHandshake

LARGEST_FLIGHT = 16 * 2**10
"""Bytes of all messages of a flight."""
MOST_MESSAGES = 8
MOST_GAPS = 64
"""Holes of a message that has not arrived whole."""
MOST_CERTIFICATES = 10
LONGEST_IDENTITY = 128
LONGEST_SESSION_ID = 32

_DTLS_1_2, _TLS_1_2 = b"\xfe\xfd", b"\x03\x03"
_HEADER = struct.Struct("!BBHHBHBH")
"""Kind, length, sequence, start and size; the 24 bits of three of them in two parts."""
_HEADER_BYTES = _HEADER.size
_STREAM_HEADER_BYTES = 4
_FROM_START = bytes(3)
_RANDOM = slice(2, 34)
"""Behind the version of a hello."""


class HandshakeType(IntEnum):
    """The messages that are told apart here."""

    CLIENT_HELLO = 1
    HELLO_VERIFY_REQUEST = 3
    CERTIFICATE = 11
    CLIENT_KEY_EXCHANGE = 16


_HANDSHAKE = ContentType.HANDSHAKE.value
_CLIENT_HELLO = HandshakeType.CLIENT_HELLO.value


class Message(NamedTuple):
    """A whole handshake message."""

    kind: int
    body: bytes


class ClientHello(NamedTuple):
    """What tells one client from another; ``suites`` are numbers of two bytes.

    The sequence numbers are those of its message and its record, 0 in a stream.
    """

    random: bytes
    session_id: bytes
    cookie: bytes
    suites: bytes
    message_sequence: int = 0
    record_sequence: int = 0


class _Fragment(NamedTuple):
    """A part of a message, from ``start`` on."""

    kind: int
    length: int
    sequence: int
    start: int
    content: bytes


def build(kind: HandshakeType, sequence: int, body: bytes) -> bytes:
    """Build a whole handshake message as one fragment."""
    high, low = len(body) >> 16, len(body) & 0xFFFF
    return _HEADER.pack(kind, high, low, sequence, 0, 0, high, low) + body


def is_client_hello(record: Record) -> bool:
    """Say whether a record in clear begins a handshake."""
    return (
        record.kind == _HANDSHAKE
        and record.epoch == 0
        and record.fragment[0] == _CLIENT_HELLO
    )


def parse_client_hello(record: Record) -> ClientHello:
    """Parse a hello that fills its record, as one fragment; raise InvalidHandshake.

    One that comes in fragments would have to be kept before its cookie is known.
    """
    fragment = record.fragment
    length, body = fragment[1:4], fragment[_HEADER_BYTES:]
    if record.kind != _HANDSHAKE or record.epoch != 0 or fragment[0] != _CLIENT_HELLO:
        raise InvalidHandshake("is no ClientHello in clear")
    if len(body) != int.from_bytes(length, "big"):
        raise InvalidHandshake("is no ClientHello alone")
    if fragment[6:_HEADER_BYTES] != _FROM_START + length:
        raise InvalidHandshake("is a ClientHello in fragments")
    return _client_hello(
        body,
        version=_DTLS_1_2,
        message_sequence=fragment[4] << 8 | fragment[5],
        record_sequence=record.sequence,
    )


def parse_stream_client_hello(body: bytes) -> ClientHello:
    """Parse the body of a hello over TLS; raise InvalidHandshake."""
    return _client_hello(body, version=_TLS_1_2)


def parse_certificate(body: bytes) -> tuple[bytes, ...]:
    """Return a chain in DER, the client's own first; raise InvalidHandshake."""
    chain, end = _vector(body, 0, width=3)
    if end != len(body):
        raise InvalidHandshake("goes on behind its end")
    certificates: list[bytes] = []
    at = 0
    while at < len(chain):
        certificate, at = _vector(chain, at, width=3)
        certificates.append(certificate)
        if not certificate or len(certificates) > MOST_CERTIFICATES:
            raise InvalidHandshake("has a chain that is none or too long")
    if not certificates:
        raise InvalidHandshake("has no certificate")
    return tuple(certificates)


def parse_psk_identity(body: bytes) -> bytes:
    """Return the identity of a ClientKeyExchange (RFC 4279 §2); raise InvalidHandshake.

    It is UTF-8 without NUL, so that OpenSSL, which ends it there, reads the same.
    """
    identity, end = _vector(body, 0, width=2)
    if end != len(body):
        raise InvalidHandshake("goes on behind its end")
    if not 0 < len(identity) <= LONGEST_IDENTITY or 0 in identity:
        raise InvalidHandshake("has a PSK identity that is empty, too long or has NUL")
    try:
        identity.decode()
    except UnicodeDecodeError as error:
        raise InvalidHandshake("has a PSK identity that is not UTF-8") from error
    return identity


@dataclass(slots=True)
class _Assembly:
    """A message that is arriving in fragments; ``gaps`` are what is still to come."""

    kind: int
    body: bytearray
    gaps: list[tuple[int, int]] = field(default_factory=list)

    def add(self, fragment: _Fragment) -> None:
        """Take a fragment; two that overlap have to agree."""
        start, end = fragment.start, fragment.start + len(fragment.content)
        gaps = []
        for begin, stop in self.gaps:
            low, high = max(begin, start), min(stop, end)
            if low >= high:
                gaps.append((begin, stop))
                continue
            self.body[low:high] = fragment.content[low - start : high - start]
            gaps += [each for each in ((begin, low), (high, stop)) if each[0] < each[1]]
        if len(gaps) > MOST_GAPS or self.body[start:end] != fragment.content:
            raise InvalidHandshake("has fragments that do not fit together")
        self.gaps = gaps


class Flight:
    """Puts a client's messages together again from the fragments of its datagrams.

    ``sequence`` is that of the first message: the one after the hello's. What is out of
    order is kept, within bounds; what was there before is left out.
    """

    def __init__(self, sequence: int) -> None:
        self._sequence = sequence
        self._last = sequence + MOST_MESSAGES
        self._left = LARGEST_FLIGHT
        self._assemblies: dict[int, _Assembly] = {}

    def add(self, fragment: bytes) -> list[Message]:
        """Take a record's fragment; return the messages that are whole now, in order.

        Raises InvalidHandshake, and keeps what it had.
        """
        whole = []
        for each in _fragments(fragment):
            if self._is_next(each):
                whole.append(Message(each.kind, each.content))
                self._sequence += 1
            elif each.sequence >= self._sequence:
                self._keep(each)
        while (first := self._assemblies.get(self._sequence)) and not first.gaps:
            whole.append(Message(first.kind, bytes(first.body)))
            del self._assemblies[self._sequence]
            self._sequence += 1
        return whole

    def _is_next(self, fragment: _Fragment) -> bool:
        """Say whether a fragment is the whole of the message that comes next."""
        return (
            fragment.sequence == self._sequence
            and fragment.length == len(fragment.content)
            and fragment.sequence not in self._assemblies
        )

    def _keep(self, fragment: _Fragment) -> None:
        kept = self._assemblies.get(fragment.sequence)
        if kept is None:
            kept = self._begin(fragment)
        elif (kept.kind, len(kept.body)) != (fragment.kind, fragment.length):
            raise InvalidHandshake("has fragments that do not fit together")
        kept.add(fragment)

    def _begin(self, fragment: _Fragment) -> _Assembly:
        kind, length, sequence, _, _ = fragment
        if sequence >= self._last or length > self._left:
            raise InvalidHandshake("is a flight that is too long")
        self._left -= length
        gaps = [(0, length)] if length else []
        self._assemblies[sequence] = made = _Assembly(kind, bytearray(length), gaps)
        return made


class StreamFlight:
    """Cuts the handshake records of a TLS stream into messages."""

    def __init__(self) -> None:
        self._received = b""
        self._left = LARGEST_FLIGHT

    def add(self, fragment: bytes) -> list[Message]:
        """Take a record's fragment; return the messages that are whole now.

        Raises InvalidHandshake where they are too long in all.
        """
        self._left -= len(fragment)
        if self._left < 0:
            raise InvalidHandshake("is a flight that is too long")
        self._received += fragment
        whole = []
        while len(self._received) >= _STREAM_HEADER_BYTES:
            end = _STREAM_HEADER_BYTES + int.from_bytes(self._received[1:4], "big")
            if end > LARGEST_FLIGHT:
                raise InvalidHandshake("is a flight that is too long")
            if end > len(self._received):
                break
            body = self._received[_STREAM_HEADER_BYTES:end]
            whole.append(Message(self._received[0], body))
            self._received = self._received[end:]
        return whole


def _client_hello(
    body: bytes, *, version: bytes, message_sequence: int = 0, record_sequence: int = 0
) -> ClientHello:
    if not body.startswith(version):
        raise InvalidHandshake(f"offers version {body[:2].hex()}")
    cookie, at = b"", _RANDOM.stop
    try:
        begin, at = at + 1, at + 1 + body[at]
        session_id = body[begin:at]
        if version == _DTLS_1_2:
            begin, at = at + 1, at + 1 + body[at]
            cookie = body[begin:at]
        begin, at = at + 2, at + 2 + (body[at] << 8 | body[at + 1])
        suites = body[begin:at]
    except IndexError:
        raise InvalidHandshake("breaks off ahead of a field") from None
    if at > len(body):
        raise InvalidHandshake("has a field that breaks off")
    if len(session_id) > LONGEST_SESSION_ID or not suites or len(suites) % 2:
        raise InvalidHandshake("has a session id or suites that are none")
    return ClientHello(
        body[_RANDOM], session_id, cookie, suites, message_sequence, record_sequence
    )


def _vector(content: bytes, at: int, *, width: int) -> tuple[bytes, int]:
    """Return what stands behind its length of ``width`` bytes, and where it ends.

    Raises InvalidHandshake where it breaks off.
    """
    begin = at + width
    end = begin + int.from_bytes(content[at:begin], "big")
    if end > len(content):
        raise InvalidHandshake("has a field that breaks off")
    return content[begin:end], end


def _fragments(content: bytes) -> list[_Fragment]:
    """Return the fragments of messages in a record, at least one."""
    fragments: list[_Fragment] = []
    at, size = 0, len(content)
    while at < size or not fragments:
        begin = at + _HEADER_BYTES
        if begin > size:
            raise InvalidHandshake("has a fragment that breaks off")
        kind, high, low, sequence, start_high, start_low, part_high, part_low = (
            _HEADER.unpack_from(content, at)
        )
        length, start = high << 16 | low, start_high << 16 | start_low
        part = part_high << 16 | part_low
        at = begin + part
        if at > size or start + part > length:
            raise InvalidHandshake("has a fragment longer than its message")
        fragments.append(_Fragment(kind, length, sequence, start, content[begin:at]))
    return fragments
