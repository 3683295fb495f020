"""Secured ports, on a real store, for tests to speak to."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from homeport.coap.transport import Arrival, Trace
from homeport.coap.udp import Address, UdpTransport, written
from homeport.dtls.context import CertifiedKey, ServerContext
from homeport.dtls.credentials import (
    Admission,
    Chain,
    Credential,
    Refusal,
    SharedKey,
)
from homeport.dtls.half_open import Limits
from homeport.dtls.live import Live
from homeport.dtls.ports import Ports
from homeport.dtls.transport import DtlsTransport
from homeport.errors import Unavailable
from homeport.identity import Identity, Means, Service
from homeport.names import AccountId, EndpointName
from homeport.runtime.tasks import end
from homeport.store.associations import AssociationStore
from homeport.store.cookies import CookieSecretStore
from homeport.store.resumptions import ResumptionStore
from tests.support import sessions
from tests.support.polling import until
from tests.support.secured_peer import KEY, SecuredPeer
from tests.support.sessions import Edge
from tests.support.trust import KEYRING

ACCOUNT = AccountId("a" * 32)


@dataclass
class Trusting:
    """A trust view that tests change: keys by their identity, and CAs in DER."""

    keys: dict[bytes, bytes] = field(default_factory=lambda: {KEY.identity: KEY.key})
    anchors: list[bytes] = field(default_factory=list)
    distrusted: set[str] = field(default_factory=set)
    expires: int = 0
    means: Means = Means.SHARED_KEY
    alerts: bool = True
    suspends: bool = False
    away: bool = False
    asked: list[Credential] = field(default_factory=list)

    async def admit(
        self, credentials: Sequence[Credential]
    ) -> list[Admission | Refusal]:
        self.asked += credentials
        self._reach()
        return [self._admit(credential) for credential in credentials]

    async def trusted(self, identities: Sequence[Identity]) -> list[bool]:
        self._reach()
        return [identity.name not in self.distrusted for identity in identities]

    def _reach(self) -> None:
        if self.away:
            raise Unavailable("the trust view", "away")

    def _admit(self, credential: Credential) -> Admission | Refusal:
        match credential:
            case SharedKey(identity) if identity in self.keys:
                name = identity.decode()
                who = Identity(
                    f"psk:{name}",
                    self.means,
                    account=ACCOUNT,
                    endpoint_name=EndpointName(name),
                    rests_on=(f"psk:lwm2m:{name}",),
                    expires=self.expires,
                )
                return Admission(who, key=self.keys[identity])
            case Chain() if self.anchors:
                who = Identity(
                    "certificate:test",
                    Means.CERTIFICATE,
                    account=ACCOUNT,
                    suspended=self.suspends,
                )
                return Admission(who, anchors=tuple(self.anchors), alerts=self.alerts)
            case _:
                return Refusal("nobody knows it", alerts=self.alerts)


class Port:
    """A secured port that echoes, and what it has heard and refused."""

    def __init__(
        self, transport: DtlsTransport, edge: Edge, refused: list[Refusal]
    ) -> None:
        self.transport = transport
        self.edge = edge.identity
        self.redis = edge.redis
        self.refused = refused
        self.heard: list[Arrival[Live]] = []
        self.generations: list[int] = []
        self.left: list[Live] = []
        transport.start(self._receive, self.left.append)

    @property
    def address(self) -> Address:
        return self.transport.address

    def messages(self) -> list[bytes]:
        return [arrival.message for arrival in self.heard]

    def associations(self) -> list[Live]:
        return list(self.transport._live)

    def half_open(self) -> int:
        return len(self.transport._gate._half_open)

    async def has_half_open(self, count: int) -> None:
        """Wait until so many handshakes are under way."""

        async def so_many() -> bool:
            return self.half_open() == count

        await until(so_many)

    async def forgets(self) -> None:
        """Wait until nothing is in memory."""

        async def nothing() -> bool:
            return not self.associations()

        await until(nothing)

    async def has_lost(self, device: SecuredPeer) -> None:
        """Have a device hear that its association is gone, from the store as well."""
        assert self.associations() == []
        heard = len(self.heard)
        device.say(b"still there?")
        assert await device.hears_nothing()
        assert len(self.heard) == heard

    def _receive(self, arrivals: Sequence[Arrival[Live]], _: float) -> None:
        self.heard += arrivals
        self.generations += [each.peer.origin.generation for each in arrivals]
        self.transport.send([(each.message, each.peer) for each in arrivals])


def trace_of(live: Live, *, sequence: int = 0) -> Trace:
    """Leave what a session tells of its device's last message."""
    known = live.id
    return Trace(written(live.address), known, f"{known}{sequence:012x}")


@asynccontextmanager
async def port(
    redis_url: str,
    trust: Trusting,
    *,
    number: int = 0,
    certified: CertifiedKey | None = None,
    limits: Limits | None = None,
    most: int = 1000,
    idle: float = 300,
) -> AsyncIterator[Port]:
    """Open a secured port of an edge of its own; killed when it is left."""
    context = ServerContext(certified, resumption=True)
    refused: list[Refusal] = []
    async with sessions.edge(redis_url) as edge:
        transport = DtlsTransport(
            UdpTransport.bind("127.0.0.1", number, reuse_port=True),
            context,
            Ports(
                edge=edge.identity,
                trust=trust,
                associations=AssociationStore(
                    edge.redis,
                    edge=edge.identity,
                    service=Service.LWM2M,
                    keyring=KEYRING,
                ),
                resumptions=ResumptionStore(
                    edge.redis, service=Service.LWM2M, keyring=KEYRING, seconds=600
                ),
                cookie_secrets=CookieSecretStore(
                    edge.redis, keyring=KEYRING, monotonic=edge.clock.now
                ),
                refused=lambda refusal, _: refused.append(refusal),
                now_milliseconds=lambda: (
                    edge.clock.microseconds(edge.clock.now()) // 1000
                ),
            ),
            limits=limits or Limits(),
            most=most,
            idle=idle,
        )
        serving = asyncio.create_task(transport.run())
        await until(partial(_answers_hellos, transport))
        try:
            yield Port(transport, edge, refused)
        finally:
            transport.stop()
            await end(serving)
            with suppress(asyncio.CancelledError):
                await serving
            transport.close()


async def _answers_hellos(transport: DtlsTransport) -> bool:
    return bool(transport._gate._cookie_secrets)
