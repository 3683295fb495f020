"""CoAP over DTLS: one UDP socket, and associations that float between the edges.

A record is told by the connection id that stands on it, or by its sender's address. Its
association is in memory, or is taken over (`homeport.dtls.takeovers`), or its handshake
is under way (`homeport.dtls.gate`). Everything else is silence (B-220).
"""

import asyncio
import math
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial

from homeport.coap.blockwise import LARGEST_SZX
from homeport.coap.transport import Arrival, Gone, Origin, Receive, Trace, unheard
from homeport.coap.udp import Address, UdpTransport
from homeport.dtls import messages, observability, recalls, records
from homeport.dtls.association import Association
from homeport.dtls.commits import Commits
from homeport.dtls.context import ServerContext
from homeport.dtls.departures import Departures
from homeport.dtls.gate import Gate
from homeport.dtls.half_open import CID_BYTES, HalfOpen, Limits
from homeport.dtls.live import Live, LiveAssociations, place_of
from homeport.dtls.ports import Ports
from homeport.dtls.records import AlertLevel, ContentType, Record
from homeport.dtls.reviews import Reviews
from homeport.dtls.takeovers import Parked, Takeovers
from homeport.identity import Identity, Means

_ACCESS_DENIED, _NO_RENEGOTIATION = 49, 100
_CLOSE_NOTIFY = b"\x00"


class DtlsTransport:
    """A UDP port on which every peer has proved who it is.

    In memory are at most ``most`` associations, those heard within ``idle`` seconds.
    """

    largest_szx = LARGEST_SZX
    proven = True

    def __init__(
        self,
        udp: UdpTransport,
        context: ServerContext,
        ports: Ports,
        *,
        limits: Limits,
        most: int,
        idle: float,
    ) -> None:
        self._udp = udp
        self._ports = ports
        self._loop = asyncio.get_running_loop()
        self._live = LiveAssociations(most=most, idle=idle, left=self._left)
        self._receive: Receive[Live] = _nowhere
        self._gone: Gone[Live] = unheard
        self._departures = Departures(ports.associations, self._live)
        self._reviews = Reviews(
            self._live,
            ports.trust,
            withdrawn=ports.withdrawn,
            end=partial(self._departures.end, reason="distrusted"),
        )
        self._takeovers = Takeovers(
            ports.associations,
            ports.trust,
            edge=ports.edge,
            now=self._loop.time,
            expiry=self._expiry,
            taken=self._taken,
            lost=self._lost,
            distrusted=self._distrusted,
        )
        self._commits = Commits(
            ports,
            send=udp.send,
            finish=self._finish,
            expiry=self._expiry,
            kept=self._kept,
        )
        self._gate = Gate(
            context,
            trust=ports.trust,
            cookie_secrets=ports.cookie_secrets,
            resumptions=ports.resumptions,
            limits=limits,
            send=udp.send,
            established=self._commits.put,
            refused=ports.refused,
        )

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self._udp.address

    def start(self, receive: Receive[Live], gone: Gone[Live] = unheard) -> None:
        """Hand over messages from now on, and tell of associations that have left."""
        self._receive, self._gone = receive, gone
        self._udp.start(self._datagrams)

    async def run(self) -> None:
        """Serve until cancelled."""
        await asyncio.gather(
            self._gate.run(),
            self._takeovers.run(),
            self._commits.run(),
            self._departures.run(),
        )

    def use(self, context: ServerContext) -> None:
        """Shake hands with other certificates from now on."""
        self._gate.use(context)

    def origin(self, peer: Live) -> Origin:
        """Say where the messages of a peer come from."""
        return peer.origin

    def send(self, messages: Sequence[tuple[bytes, Live]]) -> None:
        """Send; what an association can not carry any more is lost."""
        datagrams: list[tuple[bytes, Address]] = []
        for message, live in messages:
            sealer = live.records
            if isinstance(sealer, Association) and sealer.exhausted:
                self.release(live)
                continue
            sealed = sealer.seal(ContentType.APPLICATION, message)
            datagrams.append((sealed, live.address))
        self._udp.send(datagrams)

    def reach(self, peer: Live) -> bool:
        """Take an association back that has only been idle; say whether it is here."""
        here = self._live.get(peer.place)
        if here is None and self._live.known(peer.place) is peer:
            self._live.put(peer)
            self._live.use(peer, self._loop.time())
            return True
        return here is peer

    async def recall(self, trace: Trace) -> Live | None:
        """Take the association over that a peer was heard through last.

        None where it has ended, or its peer is trusted no more.
        """
        found = await recalls.find(self._ports.associations, trace)
        if found is None:
            return None
        live = self._live.known(place_of(found.place))
        if live is not None and live.id == found.id and self.reach(live):
            return live
        taken = await recalls.take(
            self._ports, found, trace, now=self._loop.time(), expiry=self._expiry
        )
        if taken is None:
            return None
        newest = self._live.get(taken.place)  # it may have spoken meanwhile
        if newest is not None and newest.id >= found.id:
            return newest
        observability.record_taken()
        self._live.put(taken)
        return taken

    def release(self, peer: Live) -> None:
        """Leave a peer to the edge that has taken it over; it may come back."""
        self._live.release(peer)

    def taken_over(self, places: Collection[str]) -> None:
        """Take it that other edges have these associations now."""
        for place in places:
            live = self._live.known(place_of(place))
            if live is not None:
                self._live.release(live)

    async def distrust(self, names: Collection[str] | None) -> None:
        """Look again at peers that rest on entries of the trust view (`Reviews`)."""
        await self._reviews.look(names)

    async def settle(self, *, seconds: float) -> None:
        """Begin no handshake any more; give those under way so long to end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._gate.settle()

    def stop(self) -> None:
        """Hand over no more; what is to be sent still is."""
        self._udp.stop()
        self._gate.close()

    async def drain(self) -> None:
        """Write down how far associations have come; raise Unavailable."""
        await self._departures.drain()

    def close(self) -> None:
        """Close the port."""
        self._udp.close()

    def _datagrams(self, arrivals: Sequence[Arrival[Address]], arrived: float) -> None:
        now = self._loop.time()
        batch: list[Arrival[Live]] = []
        for datagram, address, _ in arrivals:
            received = records.parse(datagram, CID_BYTES)
            if not received:
                observability.record_dropped("malformed")
            elif received[0].epoch == 0:
                self._in_clear(received, address)
            else:
                for record in received:
                    self._record(record, address, now, batch)
        self._hand_over(batch, arrived)

    def _hand_over(self, batch: Sequence[Arrival[Live]], arrived: float) -> None:
        """Hand messages over, and only then let handshakes go on."""
        if batch:
            self._receive(batch, arrived)
        self._gate.go_on()

    def _in_clear(self, received: Sequence[Record], address: Address) -> None:
        """Take a flight of a handshake; one that is over may have to end once more."""
        if (
            self._gate.expects(address)
            or messages.is_client_hello(received[0])
            or not self._commits.repeat(address)
        ):
            self._gate.receive(received, address)

    def _record(
        self, record: Record, address: Address, now: float, batch: list[Arrival[Live]]
    ) -> None:
        place = record.cid or address
        if self._takeovers.parks(place, record, address):
            return
        live = self._live.get(place)
        if live is None:
            if self._gate.expects(address):
                self._gate.receive([record], address)
            else:
                self._takeovers.look_up(place, record, address)
            return
        opener = live.records
        if isinstance(opener, Association) and record.sequence > opener.received + 1:
            if opener.peek(record):
                self._takeovers.confirm(live, opener, record, address)
            else:
                self._stray(record, address)
        elif not self._open(live, record, address, now, batch):
            self._stray(record, address)

    def _stray(self, record: Record, address: Address) -> None:
        """Take a record that its place's association did not open."""
        if self._gate.expects(address):
            self._gate.receive([record], address)
        else:
            observability.record_dropped("unauthentic")

    def _open(
        self,
        live: Live,
        record: Record,
        address: Address,
        now: float,
        batch: list[Arrival[Live]],
    ) -> bool:
        """Open a record; False if it is forged, or was here before."""
        opener = live.records
        newest = isinstance(opener, Association) and record.sequence > opener.received
        opened = opener.open(record)
        if opened is None:
            return False
        if newest and address != live.address and live.may_move(address, now):
            observability.record_moved()
        if now > live.expires:
            self._distrusted(live)
            return True
        self._live.use(live, now)
        kind, content = opened
        if kind == ContentType.APPLICATION:
            self._commits.heard(live)
            batch.append(Arrival(content, live, record.sequence))
        elif kind == ContentType.ALERT:
            self._alerted(live, content)
        elif kind == ContentType.HANDSHAKE:
            self._shake_again(live)
        return True

    def _alerted(self, live: Live, content: bytes) -> None:
        if content[1:] == _CLOSE_NOTIFY:
            self._departures.end(live, "closed")
        elif content[:1] == bytes([AlertLevel.FATAL]):
            self._departures.end(live, "alert")

    def _shake_again(self, live: Live) -> None:
        """Repeat how the handshake ended, or refuse to begin one inside of another."""
        if not self._commits.repeat_to(live):
            self._alert(live, AlertLevel.WARNING, _NO_RENEGOTIATION)

    def _alert(self, live: Live, level: AlertLevel, description: int) -> None:
        sealer = live.records
        if isinstance(sealer, Association) and not sealer.exhausted:
            fragment = records.alert(level, description)
            sealed = sealer.seal(ContentType.ALERT, fragment)
            self._udp.send([(sealed, live.address)])

    def _taken(self, live: Live, parked: Parked) -> None:
        """Take the records that have waited for an association, oldest first.

        Its peer may have begun anew meanwhile: then it is over.
        """
        newest = self._live.get(live.place)
        if newest is not None and newest.id > live.id:
            return
        now = self._loop.time()
        self._live.put(live)
        batch: list[Arrival[Live]] = []
        for record, address in sorted(parked, key=lambda each: each[0].sequence):
            if not self._open(live, record, address, now, batch):
                observability.record_dropped("unauthentic")
        self._hand_over(batch, now)

    def _lost(self, live: Live) -> None:
        self._live.drop(live)
        observability.record_ended("lost")

    def _distrusted(self, live: Live) -> None:
        """End an association whose peer is trusted no more.

        A device whose credential of ours has expired hears of it, so that it gets
        another one. Nobody else does: an alert costs a device its credentials (B-167).
        """
        expired = self._loop.time() > live.expires
        if expired and live.identity.means is Means.ISSUED:
            self._alert(live, AlertLevel.FATAL, _ACCESS_DENIED)
        self._departures.end(live, "distrusted")

    def _left(self, live: Live) -> None:
        """Tell that nothing comes from an association any more, when all has come."""
        self._loop.call_soon(self._gone, live)

    def _finish(self, half: HalfOpen) -> list[Sequence[Record]]:
        return self._gate.finish(half)

    def _kept(self, live: Live, waiting: Sequence[Record]) -> None:
        """Take a new association, and the records that have waited for it."""
        replaced = self._live.put(live)
        if replaced is not None and not isinstance(replaced.records, Association):
            replaced.records.close()
        if not waiting:
            return
        now = self._loop.time()
        batch: list[Arrival[Live]] = []
        for record in waiting:
            if record.epoch:
                self._record(record, live.address, now, batch)
        self._hand_over(batch, now)

    def _expiry(self, identity: Identity) -> float:
        """Return when a credential expires, in loop time."""
        if not identity.expires:
            return math.inf
        left = identity.expires - self._ports.now_milliseconds()
        return self._loop.time() + left / 1000


def _nowhere(_arrivals: Sequence[Arrival[Live]], _arrived: float) -> None:
    """Take messages before anybody wants them."""
