"""LwM2M's TLV: what an object instance or a resource holds (LwM2M 1.0 §6.4.3).

An entry begins with a byte of bit fields: its kind (2), whether its id has one byte or
two (1), how many bytes tell the length (2), or else the length itself (3).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from homeport.errors import InvalidFormat

CONTENT_FORMAT = 11542

_LONG_ID = 0x20
_INLINE_LENGTH = 0x07


class _Kind(IntEnum):
    OBJECT_INSTANCE = 0
    RESOURCE_INSTANCE = 1
    MULTIPLE_RESOURCE = 2
    RESOURCE = 3


class _Header(NamedTuple):
    """What stands before a value, and where: value is from ``start`` to ``end``."""

    kind: _Kind
    id: int
    at: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ResourceInstance:
    """One value of a resource that has several."""

    id: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource with one value."""

    id: int
    value: bytes


@dataclass(frozen=True, slots=True)
class MultipleResource:
    """A resource with any number of values."""

    id: int
    instances: tuple[ResourceInstance, ...]


@dataclass(frozen=True, slots=True)
class ObjectInstance:
    """An object instance with its resources."""

    id: int
    resources: tuple[Resource | MultipleResource, ...]


Entry = ObjectInstance | MultipleResource | Resource | ResourceInstance


def encode(entries: Iterable[Entry]) -> bytes:
    """Encode entries, each length in as few bytes as it needs."""
    return b"".join(map(_encode_entry, entries))


def decode(payload: bytes) -> tuple[Entry, ...]:
    """Decode entries; raise InvalidFormat with the position.

    They nest as their kinds allow, three deep at most.
    """
    return tuple(_entry(payload, each) for each in _headers(payload, 0, len(payload)))


def _encode_entry(entry: Entry) -> bytes:
    match entry:
        case ObjectInstance():
            return _encode(_Kind.OBJECT_INSTANCE, entry.id, encode(entry.resources))
        case MultipleResource():
            return _encode(_Kind.MULTIPLE_RESOURCE, entry.id, encode(entry.instances))
        case Resource():
            return _encode(_Kind.RESOURCE, entry.id, entry.value)
        case ResourceInstance():
            return _encode(_Kind.RESOURCE_INSTANCE, entry.id, entry.value)


def _encode(kind: _Kind, number: int, value: bytes) -> bytes:
    first = kind << 6
    name = number.to_bytes(1 if number < 1 << 8 else 2, "big")
    if len(name) > 1:
        first |= _LONG_ID
    if len(value) <= _INLINE_LENGTH:
        return bytes([first | len(value)]) + name + value
    length = len(value).to_bytes((len(value).bit_length() + 7) // 8, "big")
    return bytes([first | len(length) << 3]) + name + length + value


def _headers(payload: bytes, at: int, end: int) -> Iterator[_Header]:
    while at < end:
        first = payload[at]
        number, start = _number(
            payload, at + 1, end, width=2 if first & _LONG_ID else 1
        )
        length = first & _INLINE_LENGTH
        if width := first >> 3 & 3:
            length, start = _number(payload, start, end, width=width)
        if start + length > end:
            raise _invalid("has a value that breaks off", start)
        yield _Header(_Kind(first >> 6), number, at, start, start + length)
        at = start + length


def _number(payload: bytes, at: int, end: int, *, width: int) -> tuple[int, int]:
    """Return a number and where it ends."""
    if at + width > end:
        raise _invalid("has a header that breaks off", at)
    return int.from_bytes(payload[at : at + width], "big"), at + width


def _entry(payload: bytes, header: _Header) -> Entry:
    match header.kind:
        case _Kind.OBJECT_INSTANCE:
            inner = _headers(payload, header.start, header.end)
            return ObjectInstance(
                header.id, tuple(_resource(payload, each) for each in inner)
            )
        case _Kind.RESOURCE_INSTANCE:
            return _instance(payload, header)
        case _:
            return _resource(payload, header)


def _resource(payload: bytes, header: _Header) -> Resource | MultipleResource:
    match header.kind:
        case _Kind.RESOURCE:
            return Resource(header.id, payload[header.start : header.end])
        case _Kind.MULTIPLE_RESOURCE:
            inner = _headers(payload, header.start, header.end)
            return MultipleResource(
                header.id, tuple(_instance(payload, each) for each in inner)
            )
        case _:
            raise _invalid("has something else where a resource should be", header.at)


def _instance(payload: bytes, header: _Header) -> ResourceInstance:
    if header.kind is not _Kind.RESOURCE_INSTANCE:
        raise _invalid("has something else where an instance should be", header.at)
    return ResourceInstance(header.id, payload[header.start : header.end])


def _invalid(reason: str, position: int) -> InvalidFormat:
    return InvalidFormat("TLV", reason, position=position)
