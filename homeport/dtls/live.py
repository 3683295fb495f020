"""The associations in memory: found by connection id or address, oldest first out."""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from weakref import WeakValueDictionary

from homeport.associations import Floating
from homeport.coap.transport import Origin, unheard
from homeport.coap.udp import Address, read, written
from homeport.dtls.association import Association
from homeport.dtls.openssl_association import OpenSslAssociation

LARGEST_SHARE = 1000
"""Associations that are looked through, or written down, at once."""
MOST_MOVES = 64.0
MOVES_PER_SECOND = 10.0
"""How often a peer may change its address: many times at once, but not for long."""

_NEVER = -math.inf
"""One number for all that have not moved."""

Place = bytes | Address
"""What records are told by: the connection id that stands on them, or their sender."""


def name_of(place: Place) -> str:
    """Return what the store calls a place."""
    return place.hex() if isinstance(place, bytes) else written(place)


def place_of(name: str) -> Place:
    """Return the place that `name_of` named; a scoped IPv6 address has none."""
    return read(name) if ":" in name else bytes.fromhex(name)


class Live:
    """An association in memory: the peer of all messages that come through it.

    ``id`` and ``identity`` are those of its `Floating`, which is made when it is wanted
    (`state`): there are many of these, and each holds what it is once. Its address may
    change; what else it is stays. ``expires`` is when its credential does, in loop
    time. ``last_flight`` is what ended the handshake, for a peer that has not heard it.
    """

    __slots__ = (
        "__weakref__",
        "_credit",
        "_moved",
        "_origin",
        "address",
        "expires",
        "id",
        "identity",
        "last_flight",
        "place",
        "records",
        "used",
    )

    def __init__(
        self,
        floating: Floating,
        records: Association | OpenSslAssociation,
        *,
        address: Address,
        now: float,
        expires: float,
    ) -> None:
        self.id = floating.id
        self.identity = floating.identity
        self.records = records
        self.place: Place = records.cid or address
        self.address = address
        self.used = now
        self.expires = expires
        self.last_flight: Sequence[bytes] = ()
        self._origin: Origin | None = None
        self._moved = _NEVER
        self._credit = MOST_MOVES

    @property
    def origin(self) -> Origin:
        """Where its messages come from."""
        if self._origin is None:
            records = self.records
            self._origin = Origin(
                written(self.address),
                self.id,
                self.identity,
                self.id,
                records.generation if isinstance(records, Association) else 1,
            )
        return self._origin

    def state(self, records: Association) -> Floating:
        """Return what another edge has to know by now, which has the keys already."""
        return Floating(
            name_of(self.place),
            self.id,
            b"",
            self.identity,
            written(self.address),
            records.received,
        )

    def may_move(self, address: Address, now: float) -> bool:
        """Follow the newest record to its sender, unless that happens too often.

        Records of an older address never lead back (RFC 9146 §6).
        """
        credit = min(MOST_MOVES, self._credit + (now - self._moved) * MOVES_PER_SECOND)
        if credit < 1:
            return False
        self._credit, self._moved = credit - 1, now
        self.address = address
        self._origin = None
        return True

    def advance(self, records: Association) -> None:
        """Go on with the records of another generation."""
        self.records = records
        self._origin = None


class LiveAssociations:
    """At most ``most`` of them; who comes back after ``idle`` seconds is looked up.

    ``left`` hears of each one that is in memory no more. Who is only idle stays known
    as long as anybody else has it, so that what it rests on can still be asked for.
    """

    def __init__(
        self, *, most: int, idle: float, left: Callable[[Live], None] = unheard
    ) -> None:
        self._most = most
        self._idle = idle
        self._left = left
        self._by_place: OrderedDict[Place, Live] = OrderedDict()
        self._resting: WeakValueDictionary[Place, Live] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._by_place)

    def __iter__(self) -> Iterator[Live]:
        return iter(list(self._by_place.values()))

    def get(self, place: Place) -> Live | None:
        """Return the association whose records are told by a place."""
        return self._by_place.get(place)

    def known(self, place: Place) -> Live | None:
        """Return the association with a place, in memory or only idle."""
        return self._by_place.get(place) or self._resting.get(place)

    def all_known(self) -> Iterator[Live]:
        """Return those in memory, and those that are only idle."""
        return iter([*self._by_place.values(), *self._resting.values()])

    def use(self, live: Live, now: float) -> None:
        """Take it that an association has been heard."""
        if live.place in self._by_place:
            live.used = now
            self._by_place.move_to_end(live.place)

    def put(self, live: Live) -> Live | None:
        """Add an association; return the one that had its place."""
        self._resting.pop(live.place, None)
        replaced = self._by_place.pop(live.place, None)
        self._by_place[live.place] = live
        if replaced is not None and replaced is not live:
            self._left(replaced)
        return replaced

    def drop(self, live: Live) -> None:
        """Take an association out, unless another one has its place."""
        if self._resting.get(live.place) is live:
            del self._resting[live.place]
        if self._by_place.get(live.place) is live:
            del self._by_place[live.place]
            self._left(live)

    def release(self, live: Live) -> None:
        """Leave an association to whoever takes it over; it may come back.

        What OpenSSL protects stays: nobody can take that over.
        """
        if isinstance(live.records, Association):
            self.drop(live)

    def pop_idle(self, now: float, *, most: int) -> list[Live]:
        """Take out those that are too many or have not been heard for long."""
        popped: list[Live] = []
        while self._by_place and len(popped) < most:
            oldest = next(iter(self._by_place.values()))
            if len(self._by_place) <= self._most and now - oldest.used < self._idle:
                break
            del self._by_place[oldest.place]
            if isinstance(oldest.records, Association):
                self._resting[oldest.place] = oldest
            self._left(oldest)
            popped.append(oldest)
        return popped
