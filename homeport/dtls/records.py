"""Records: what a datagram or a stream is cut into (RFC 6347 §4.1, RFC 9146 §4)."""

import struct
from enum import IntEnum
from typing import NamedTuple

from homeport.errors import InvalidHandshake

HEADER_BYTES = 13
MOST_RECORDS = 32
"""Records that are read of one datagram."""
LARGEST_FRAGMENT = 2**14 + 2048
VERSION = b"\xfe\xfd"
"""DTLS 1.2."""

_MAJOR = 0xFE
_LAST_SEQUENCE = 2**48 - 1
_HEADER = struct.Struct("!B2sHHIH")
_RECEIVED_HEADER = struct.Struct("!BBxHHIH")
_LENGTH = struct.Struct("!H")
_STREAM_MAJOR = 3
_STREAM_HEADER = struct.Struct("!BBxH")


class ContentType(IntEnum):
    """What a record holds; CID says that this is encrypted as well."""

    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION = 23
    CID = 25


class AlertLevel(IntEnum):
    """How bad it is."""

    WARNING = 1
    FATAL = 2


_KINDS = frozenset(kind.value for kind in ContentType)
_CID = ContentType.CID.value


class Record(NamedTuple):
    """One record; ``raw`` is all of it, its header too."""

    kind: int
    epoch: int
    sequence: int
    cid: bytes
    fragment: bytes
    raw: bytes


def parse(datagram: bytes, cid_length: int) -> list[Record]:
    """Return the records of a datagram, up to the first that is none.

    Ours all have connection ids of one length, which the record does not tell. The
    minor version is whatever the sender guessed (TLS-3).
    """
    records: list[Record] = []
    at, size = 0, len(datagram)
    while size - at > HEADER_BYTES and len(records) < MOST_RECORDS:
        kind, major, epoch, high, low, length = _RECEIVED_HEADER.unpack_from(
            datagram, at
        )
        start = at + HEADER_BYTES
        cid = b""
        if kind == _CID:
            start += cid_length
            if start > size:
                break
            cid = datagram[start - cid_length - 2 : start - 2]
            (length,) = _LENGTH.unpack_from(datagram, start - 2)
        end = start + length
        if major != _MAJOR or kind not in _KINDS:
            break
        if not 0 < length <= LARGEST_FRAGMENT or end > size:
            break
        sequence = high << 32 | low
        fragment, raw = datagram[start:end], datagram[at:end]
        records.append(Record(kind, epoch, sequence, cid, fragment, raw))
        at = end
    return records


def cut(output: bytes) -> list[bytes]:
    """Return the records that OpenSSL has made, however many they are."""
    whole = []
    at, size = 0, len(output)
    while at < size:
        end = at + HEADER_BYTES + int.from_bytes(output[at + 11 : at + 13], "big")
        whole.append(output[at:end])
        at = end
    return whole


def advanced(raw: bytes, by: int) -> bytes:
    """Return a record in clear under a sequence number that is so much higher.

    Behind the last one comes 0, as with OpenSSL: a client may begin with any number.
    """
    sequence = int.from_bytes(raw[5:11], "big") + by & _LAST_SEQUENCE
    return raw[:5] + sequence.to_bytes(6, "big") + raw[11:]


def build(
    kind: int, epoch: int, sequence: int, fragment: bytes, *, version: bytes = VERSION
) -> bytes:
    """Build a record without connection id."""
    high, low = sequence >> 32, sequence & 0xFFFF_FFFF
    return _HEADER.pack(kind, version, epoch, high, low, len(fragment)) + fragment


def alert(level: AlertLevel, description: int) -> bytes:
    """Build the fragment of an alert (RFC 5246 §7.2)."""
    return bytes((level, description))


def parse_stream(received: bytes) -> tuple[list[Record], bytes]:
    """Return the whole records of a TLS stream, and what is left of it.

    They have neither epoch nor sequence. Raises InvalidHandshake where no record
    begins: a stream has no way to go on behind it.
    """
    records: list[Record] = []
    at = 0
    while len(received) - at >= _STREAM_HEADER.size:
        kind, major, length = _STREAM_HEADER.unpack_from(received, at)
        if kind not in _KINDS or major != _STREAM_MAJOR or length > LARGEST_FRAGMENT:
            raise InvalidHandshake("has bytes that are no record")
        start = at + _STREAM_HEADER.size
        end = start + length
        if end > len(received):
            break
        records.append(Record(kind, 0, 0, b"", received[start:end], received[at:end]))
        at = end
    return records, received[at:]
