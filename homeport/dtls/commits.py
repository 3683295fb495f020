"""Associations are kept before their peers hear that there is one.

So an edge that dies in between leaves nobody with an association that the others do not
find. How a handshake ended is remembered until its peer has said something: the last
flight may be lost, and then the client repeats its own.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from homeport.associations import Floating
from homeport.coap.udp import Address, written
from homeport.dtls import observability
from homeport.dtls.association import Association
from homeport.dtls.batches import Batches
from homeport.dtls.course import Established
from homeport.dtls.gate import Send
from homeport.dtls.half_open import HalfOpen
from homeport.dtls.live import Live, name_of
from homeport.dtls.openssl_association import OpenSslAssociation
from homeport.dtls.ports import Ports
from homeport.dtls.records import Record
from homeport.errors import Unavailable
from homeport.identity import Identity

MOST_FLIGHTS = 1024
"""Peers that may still ask how their handshake ended."""


@dataclass(frozen=True, slots=True)
class Commit:
    """What is kept of a handshake: its association, and a session to resume."""

    floating: Floating
    session: tuple[bytes, bytes, Identity] | None


class Commits:
    """Keeps what handshakes have come to, a batch at a time.

    ``finish`` ends a handshake and returns what came meanwhile; ``kept`` gets the
    association, and the records that have waited for it.
    """

    def __init__(
        self,
        ports: Ports,
        *,
        send: Send,
        finish: Callable[[HalfOpen], list[Sequence[Record]]],
        expiry: Callable[[Identity], float],
        kept: Callable[[Live, Sequence[Record]], None],
    ) -> None:
        self._ports = ports
        self._send = send
        self._finish = finish
        self._expiry = expiry
        self._kept = kept
        self._loop = asyncio.get_running_loop()
        self._flights: OrderedDict[Address, Live] = OrderedDict()
        self._commits: Batches[Commit, str] = Batches(self._commit)

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._commits.run()

    def put(self, half: HalfOpen, identity: Identity, established: Established) -> None:
        """Keep the association of a peer, which hears of it afterwards.

        Its id leads to it, where the place is random too.
        """
        association, address = established.association, half.address
        exported, received = b"", 0
        if isinstance(association, Association):
            exported, received = association.export(), association.received
        floating = Floating(
            place=name_of(association.cid or address),
            id=f"{self._ports.now_milliseconds():012x}{half.cid.hex()}",
            secrets=exported,
            identity=identity,
            peer=written(address),
            received=received,
        )
        live = Live(
            floating,
            association,
            address=address,
            now=self._loop.time(),
            expires=self._expiry(identity),
        )
        session = established.session
        commit = Commit(floating, (*session, identity) if session else None)
        told = partial(self._committed, half, established, live)
        if not self._commits.put(commit, told):
            self._give_up(half, live, "busy")

    def repeat(self, address: Address) -> bool:
        """Send again how the handshake with an address ended, if that is known."""
        live = self._flights.get(address)
        return live is not None and self.repeat_to(live)

    def repeat_to(self, live: Live) -> bool:
        """Send again how an association began, until it has been heard."""
        self._send([(flight, live.address) for flight in live.last_flight])
        return bool(live.last_flight)

    def heard(self, live: Live) -> None:
        """Take it that a peer has heard how its handshake ended."""
        if live.last_flight:
            self._flights.pop(live.address, None)
            live.last_flight = ()

    async def _commit(self, commits: Sequence[Commit]) -> list[str]:
        """Keep those whose peers are trusted still; return why another is not kept.

        Handshakes may take long. What OpenSSL protects is in this edge's memory alone.
        """
        trusted = await self._ports.trust.trusted(
            [commit.floating.identity for commit in commits]
        )
        kept = [each for each, good in zip(commits, trusted, strict=True) if good]
        sessions = [each.session for each in kept if each.session is not None]
        await self._ports.associations.save(
            [each.floating for each in kept if each.floating.secrets]
        )
        if sessions and self._ports.resumptions is not None:
            await self._ports.resumptions.put(sessions)
        return ["" if good else "distrusted" for good in trusted]

    def _committed(
        self,
        half: HalfOpen,
        established: Established,
        live: Live,
        fault: str | Unavailable,
    ) -> None:
        """Let the last flight leave, and take what has come since the handshake."""
        if fault:
            self._give_up(half, live, fault if isinstance(fault, str) else "store")
            return
        parked = self._finish(half)
        observability.record_established(
            live.identity.name,
            written(half.address),
            suite=live.records.suite.name,
            resumed=established.resumed,
        )
        if established.last_flight:
            live.last_flight = established.last_flight
            self._flights[live.address] = live
            self._flights.move_to_end(live.address)
            if len(self._flights) > MOST_FLIGHTS:
                self._flights.popitem(last=False)
            self.repeat_to(live)
        self._kept(
            live, [*established.early, *(each for some in parked for each in some)]
        )

    def _give_up(self, half: HalfOpen, live: Live, reason: str) -> None:
        """Leave a peer without answer; it begins again."""
        observability.record_dropped(reason)
        self._finish(half)
        if isinstance(live.records, OpenSslAssociation):
            live.records.close()
