"""Associations that are, or may be, with another edge: found, examined, taken over.

A record is the reason, and has to be authentic before anything is taken. It waits, with
those that follow it from the same place, until this edge has a generation of its own::

    unknown place ──▶ found? ──▶ authentic? ──▶ taken, still trusted? ──▶ live
    a gap in the sequence of one in memory ──▶ taken, still trusted? ──▶ live
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from homeport.associations import Associations, Floating
from homeport.coap.udp import Address
from homeport.dtls import observability
from homeport.dtls.association import Association
from homeport.dtls.batches import Batches
from homeport.dtls.credentials import Trust
from homeport.dtls.live import Live, Place, name_of
from homeport.dtls.records import Record
from homeport.errors import InvalidFormat, Unavailable
from homeport.identity import Identity

MOST_PARKED = 8
"""Records of one place that wait for the store."""

Parked = list[tuple[Record, Address]]


@dataclass(frozen=True, slots=True)
class Claim:
    """An association that is wanted, because of the record with a sequence."""

    floating: Floating
    sequence: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """An association that is ours in a generation; ``owner`` is the edge before us."""

    generation: int
    owner: str
    trusted: bool


class Takeovers:
    """Takes associations over, a batch at a time.

    ``taken`` gets one that is live, with the records that have waited for it;
    ``lost`` one that is gone, ``distrusted`` one whose peer is trusted no more.
    """

    def __init__(
        self,
        associations: Associations,
        trust: Trust,
        *,
        edge: str,
        now: Callable[[], float],
        expiry: Callable[[Identity], float],
        taken: Callable[[Live, Parked], None],
        lost: Callable[[Live], None],
        distrusted: Callable[[Live], None],
    ) -> None:
        self._associations = associations
        self._trust = trust
        self._edge = edge
        self._now = now
        self._expiry = expiry
        self._taken = taken
        self._lost = lost
        self._distrusted = distrusted
        self._parked: dict[Place, Parked] = {}
        self._finds: Batches[str, Floating | None] = Batches(associations.find)
        self._claims: Batches[Claim, Claimed | None] = Batches(self._claim)

    async def run(self) -> None:
        """Serve until cancelled."""
        await asyncio.gather(self._finds.run(), self._claims.run())

    def parks(self, place: Place, record: Record, address: Address) -> bool:
        """Let a record wait if others from its place do; it is lost if too many do."""
        parked = self._parked.get(place)
        if parked is None:
            return False
        if len(parked) < MOST_PARKED:
            parked.append((record, address))
        return True

    def confirm(
        self, live: Live, records: Association, record: Record, address: Address
    ) -> None:
        """Take the next generation of an association that another edge may have had."""
        claim = Claim(live.state(records), record.sequence)
        if self._claims.put(claim, partial(self._confirmed, live, records, record)):
            self._parked[live.place] = [(record, address)]

    def look_up(self, place: Place, record: Record, address: Address) -> None:
        """Look for the association of a place that nothing here is known of."""
        if self._finds.put(name_of(place), partial(self._found, place)):
            self._parked[place] = [(record, address)]
        else:
            observability.record_dropped("busy")

    async def _claim(self, claims: Sequence[Claim]) -> list[Claimed | None]:
        taken, trusted = await asyncio.gather(
            self._associations.take(
                [(claim.floating, claim.sequence) for claim in claims]
            ),
            self._trust.trusted([claim.floating.identity for claim in claims]),
        )
        return [
            Claimed(each.generation, each.owner, good) if each is not None else None
            for each, good in zip(taken, trusted, strict=True)
        ]

    def _confirmed(
        self,
        live: Live,
        records: Association,
        record: Record,
        claimed: Claimed | Unavailable | None,
    ) -> None:
        parked = self._parked.pop(live.place)
        if isinstance(claimed, Unavailable):
            observability.record_dropped("store")
            return
        if claimed is None:
            self._lost(live)
            return
        if claimed.owner == self._edge:
            records.advance(claimed.generation)
        else:
            records = Association.load(
                records.export(),
                generation=claimed.generation,
                received=record.sequence - 1,
            )
        live.advance(records)
        self._go_on(live, parked, trusted=claimed.trusted)

    def _found(self, place: Place, floating: Floating | Unavailable | None) -> None:
        parked = self._parked[place]
        if floating is None or isinstance(floating, Unavailable):
            self._forget(place, "store" if floating else "unknown")
            return
        first = _first_authentic(floating, parked)
        if first is None:
            self._forget(place, "unauthentic")
        elif not self._claims.put(
            Claim(floating, first.sequence),
            partial(self._claimed, place, floating, first),
        ):
            self._forget(place, "busy")

    def _claimed(
        self,
        place: Place,
        floating: Floating,
        first: Record,
        claimed: Claimed | Unavailable | None,
    ) -> None:
        if claimed is None or isinstance(claimed, Unavailable):
            self._forget(place, "store" if claimed else "replayed")
            return
        parked = self._parked.pop(place)
        records = Association.load(
            floating.secrets,
            generation=claimed.generation,
            received=first.sequence - 1,
        )
        live = Live(
            floating,
            records,
            address=parked[0][1],
            now=self._now(),
            expires=self._expiry(floating.identity),
        )
        observability.record_taken()
        self._go_on(live, parked, trusted=claimed.trusted)

    def _go_on(self, live: Live, parked: Parked, *, trusted: bool) -> None:
        if trusted:
            self._taken(live, parked)
        else:
            self._distrusted(live)

    def _forget(self, place: Place, reason: str) -> None:
        del self._parked[place]
        observability.record_dropped(reason)


def _first_authentic(floating: Floating, parked: Parked) -> Record | None:
    """Return the earliest record that the association's peer has sealed, if any."""
    try:
        probe = Association.load(
            floating.secrets, generation=1, received=floating.received
        )
    except InvalidFormat:
        return None
    authentic = [record for record, _ in parked if probe.peek(record)]
    return min(authentic, key=lambda record: record.sequence, default=None)
