"""What an endpoint remembers of its peers: bounded in number, bytes and age."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

LIFETIME_SECONDS = 247.0
"""EXCHANGE_LIFETIME: no message is repeated after that (RFC 7252 §4.8.2)."""

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values by key, each for EXCHANGE_LIFETIME at most; the oldest give way.

    An entry is a plain tuple (value, length, since): of those the garbage collector
    soon loses sight, and there may be tens of thousands. A plain dict would search for
    its oldest entry among all that were dropped.
    """

    def __init__(self, *, most: int, most_bytes: int) -> None:
        self._entries: OrderedDict[Hashable, tuple[Value, int, float]] = OrderedDict()
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._due = 0.0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable, *, now: float) -> Value | None:
        """Return what is kept under a key and is not too old."""
        entry = self._entries.get(key)
        if entry is None or now > entry[2] + LIFETIME_SECONDS:
            return None
        return entry[0]

    def put(self, key: Hashable, value: Value, *, length: int, now: float) -> None:
        """Keep a value of so many bytes; it counts as the newest."""
        self.drop(key)
        self._entries[key] = (value, length, now)
        self._bytes += length
        if now > self._due:
            self._forget(now)
        self._make_room()

    def replace(self, key: Hashable, value: Value, *, length: int, now: float) -> None:
        """Keep another value under a key for the rest of its time, or a first one."""
        known = self._entries.get(key)
        if known is None:
            self.put(key, value, length=length, now=now)
            return
        self._entries[key] = (value, length, known[2])
        self._bytes += length - known[1]
        self._make_room()

    def drop(self, key: Hashable) -> None:
        """Forget what is kept under a key, if anything is."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry[1]

    def _make_room(self) -> None:
        while len(self._entries) > self._most or self._bytes > self._most_bytes:
            self.drop(next(iter(self._entries)))

    def _forget(self, now: float) -> None:
        """Drop what is too old, and note when the oldest of the others will be."""
        while self._entries:
            since = next(iter(self._entries.values()))[2]
            self._due = since + LIFETIME_SECONDS
            if now <= self._due:
                return
            self.drop(next(iter(self._entries)))
