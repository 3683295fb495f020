"""TLS over TCP: the security of the connections of one port.

A handshake stops where it needs the store: to learn whether a session may be resumed,
and who a credential would be. What came by then waits, and no more is read.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from homeport.associations import Resumptions
from homeport.coap.tcp.transport import TcpTransport
from homeport.dtls import observability
from homeport.dtls.batches import Batches
from homeport.dtls.context import ServerContext
from homeport.dtls.course import Failed
from homeport.dtls.credentials import (
    Admission,
    Credential,
    Refusal,
    Trust,
    unproven,
)
from homeport.dtls.ports import unheard
from homeport.dtls.streams import Phase, Secured, TlsSession
from homeport.errors import Unavailable
from homeport.identity import NOBODY, Identity

LARGEST_SHARE = 1_000
"""Identities that the trust view is asked about at once."""

Kept = tuple[bytes, Identity]
"""A session that may be resumed, and whose it is."""
New = tuple[bytes, bytes, Identity]
"""The id of a session, the session, and whose it is."""


class Tls:
    """What all connections of a port share; ``secure`` makes the security of each.

    ``refused`` hears whose credential opened nothing, and from where.
    """

    def __init__(
        self,
        context: ServerContext,
        *,
        trust: Trust,
        resumptions: Resumptions | None,
        refused: Callable[[Refusal, str], None],
        withdrawn: Callable[[Identity], None] = unheard,
    ) -> None:
        self.context = context
        self.refused = refused
        self._withdrawn = withdrawn
        self._trust = trust
        self._resumptions = resumptions
        self.sessions: Batches[bytes, Kept | None] = Batches(self._find)
        self.admissions: Batches[Credential, Admission | Refusal] = Batches(trust.admit)
        self.keeps: Batches[New, None] = Batches(self._keep)

    def use(self, context: ServerContext) -> None:
        """Begin handshakes with another context from now on."""
        self.context = context

    async def run(self) -> None:
        """Ask the store until cancelled."""
        await asyncio.gather(
            self.sessions.run(), self.admissions.run(), self.keeps.run()
        )

    def secure(self, peer: str, go_on: Callable[[], None]) -> "TlsSecurity":
        """Make the security of a connection (`homeport.coap.tcp.security.Secure`)."""
        return TlsSecurity(self, peer, go_on)

    async def distrust(
        self, transport: TcpTransport, names: Iterable[str] | None
    ) -> None:
        """Close the connections of a port whose peers are not who they were.

        Asked are those that rest on some entries of the trust view, with None all.
        Raises Unavailable; then it has to be done again.
        """
        peers = transport.resting_on(None if names is None else frozenset(names))
        for begin in range(0, len(peers), LARGEST_SHARE):
            share = peers[begin : begin + LARGEST_SHARE]
            trusted = await self._trust.trusted([peer.identity for peer in share])
            ended = [
                peer for peer, still in zip(share, trusted, strict=True) if not still
            ]
            for peer in ended:
                self._withdrawn(peer.identity)
            transport.drop(ended)

    async def _find(self, session_ids: Sequence[bytes]) -> list[Kept | None]:
        """Find sessions, but none of a peer that is trusted no more (B-042)."""
        if self._resumptions is None:
            return [None] * len(session_ids)
        found = await self._resumptions.get(session_ids)
        known = [kept for kept in found if kept is not None]
        trusted = iter(await self._trust.trusted([whose for _, whose in known]))
        return [kept if kept is not None and next(trusted) else None for kept in found]

    async def _keep(self, sessions: Sequence[New]) -> list[None]:
        if self._resumptions is not None:
            await self._resumptions.put(sessions)
        return [None] * len(sessions)


class TlsSecurity:
    """The security of one connection (`homeport.coap.tcp.security.Security`)."""

    records = True

    def __init__(self, tls: Tls, peer: str, go_on: Callable[[], None]) -> None:
        self._tls = tls
        self._peer = peer
        self._go_on = go_on
        self._session = TlsSession(tls.context)
        self._asked = Phase.HELLO
        self._candidate = NOBODY
        self._told = False

    @property
    def identity(self) -> Identity:
        """Who the peer has proved to be."""
        proved = isinstance(self._session.result, Secured)
        return self._candidate if proved else NOBODY

    @property
    def waiting(self) -> bool:
        """Whether the store has been asked."""
        return self._session.phase in (Phase.SESSION, Phase.ADMISSION)

    @property
    def closed(self) -> bool:
        """Whether nothing follows."""
        return self._session.closed

    def receive(self, received: bytes) -> None:
        """Take bytes of the peer."""
        self._session.receive(received)
        self._examine()

    def clear(self) -> list[bytes]:
        """Take what has arrived, one entry for each record."""
        return self._session.messages()

    def write(self, content: bytes) -> None:
        """Take what is to go to the peer in one record."""
        self._session.write(content)

    def outgoing(self) -> bytes:
        """Take bytes for the peer."""
        return self._session.outgoing()

    def close(self) -> None:
        """Say that nothing follows; a handshake under way has failed."""
        if self._session.result is None and self._session.phase is not Phase.HELLO:
            self._session.give_up()
        self._session.close()
        self._tell()

    def _examine(self) -> None:
        """Ask, once, what the handshake has to know; tell what it has come to."""
        session, phase = self._session, self._session.phase
        if self.waiting and phase is not self._asked:
            self._asked = phase
            if not self._ask(session):
                observability.record_dropped("busy")
                session.close()
        self._tell()

    def _ask(self, session: TlsSession) -> bool:
        if session.phase is Phase.SESSION:
            return self._tls.sessions.put(session.session_id, self._found)
        if session.credential is None:
            return False
        return self._tls.admissions.put(session.credential, self._admitted)

    def _found(self, answer: Kept | Unavailable | None) -> None:
        """Resume the session of a peer, or shake hands in full."""
        kept = b""
        if answer is not None and not isinstance(answer, Unavailable):
            kept, self._candidate = answer
        self._session.resume(kept)
        self._examine()
        self._go_on()

    def _admitted(self, answer: Admission | Refusal | Unavailable) -> None:
        """Let the peer prove who it would be."""
        match answer:
            case Unavailable():
                observability.record_dropped("store")
                self._session.close()
            case Refusal():
                self._candidate = NOBODY
                self._tls.refused(answer, self._peer)
                self._session.admit(answer)
            case Admission(identity=identity):
                self._candidate = identity
                self._session.admit(answer)
        self._examine()
        self._go_on()

    def _tell(self) -> None:
        """Count and log, once, what a handshake has come to."""
        result = self._session.result
        if self._told or result is None:
            return
        self._told = True
        who = self._candidate
        match result:
            case Secured(suite=suite, resumed=resumed, session=session):
                observability.record_established(
                    who.name, self._peer, suite=suite, resumed=resumed
                )
                if session is not None:
                    self._tls.keeps.put((*session, who), _regardless)
            case Failed(reason=reason):
                observability.record_failed(reason, self._peer)
                if who is not NOBODY:
                    self._tls.refused(unproven(who, reason), self._peer)


def _regardless(_: Unavailable | None) -> None:
    """Go on without: a session that is not kept costs a full handshake."""
