"""A DTLS peer that tests play over a real UDP socket, and secured ports to speak to."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from homeport.coap.transport import Arrival
from homeport.coap.udp import Address, UdpTransport
from homeport.dtls import records
from homeport.dtls.association import Association, CidForm
from homeport.dtls.client import ClientHandshake, DeviceKey, Offer
from homeport.dtls.context import CertifiedKey, ClientContext, ServerContext
from homeport.dtls.course import Established, Failed
from homeport.dtls.credentials import (
    Admission,
    Chain,
    Credential,
    Refusal,
    SharedKey,
)
from homeport.dtls.gate import Limits
from homeport.dtls.live import Live
from homeport.dtls.openssl_association import OpenSslAssociation
from homeport.dtls.records import ContentType, Record
from homeport.dtls.transport import DtlsTransport, Ports
from homeport.identity import Identity, Means, Service
from homeport.names import AccountId, EndpointName
from homeport.store.associations import AssociationStore
from homeport.store.cookies import CookieSecretStore
from homeport.store.resumptions import ResumptionStore
from tests.support import sessions
from tests.support.polling import until
from tests.support.trust import KEYRING

PATIENCE_SECONDS = 10
ACCOUNT = AccountId("a" * 32)
KEY = DeviceKey(b"device", b"\x07" * 16)


@dataclass
class Trusting:
    """A trust view that tests change: keys by their identity, and CAs in DER."""

    keys: dict[bytes, bytes] = field(default_factory=lambda: {KEY.identity: KEY.key})
    anchors: list[bytes] = field(default_factory=list)
    distrusted: set[str] = field(default_factory=set)
    expires: int = 0
    means: Means = Means.SHARED_KEY

    async def admit(
        self, credentials: Sequence[Credential]
    ) -> list[Admission | Refusal]:
        return [self._admit(credential) for credential in credentials]

    async def trusted(self, identities: Sequence[Identity]) -> list[bool]:
        return [identity.name not in self.distrusted for identity in identities]

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
                who = Identity("certificate:test", Means.CERTIFICATE, account=ACCOUNT)
                return Admission(who, anchors=tuple(self.anchors))
            case _:
                return Refusal("nobody knows it")


class Port:
    """A secured port that echoes, and what it has heard and refused."""

    def __init__(self, transport: DtlsTransport, refused: list[Refusal]) -> None:
        self.transport = transport
        self.refused = refused
        self.heard: list[Arrival[Live]] = []
        transport.start(self._receive)

    @property
    def address(self) -> Address:
        return self.transport.address

    def messages(self) -> list[bytes]:
        return [arrival.message for arrival in self.heard]

    def _receive(self, arrivals: Sequence[Arrival[Live]], _: float) -> None:
        self.heard += arrivals
        self.transport.send([(each.message, each.peer) for each in arrivals])


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
            yield Port(transport, refused)
        finally:
            transport.stop()
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving
            transport.close()


async def _answers_hellos(transport: DtlsTransport) -> bool:
    return bool(transport._gate._cookie_secrets)


class SecuredPeer:
    """One device; its socket may be changed for another one, as a NAT does."""

    context = ClientContext()

    def __init__(self, address: Address) -> None:
        self.address = address
        self.established: Established | None = None
        self.sent: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._socket = _socket()

    @property
    def association(self) -> Association | OpenSslAssociation:
        assert self.established is not None
        return self.established.association

    async def shake_hands(
        self, credential: DeviceKey | CertifiedKey = KEY, offer: Offer = Offer()
    ) -> Established | Failed:
        """Shake hands; repeat flights as the protocol wants."""
        handshake = ClientHandshake(
            self.context, credential, offer=offer, now=self._loop.time()
        )
        cid = offer.cid or b""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while handshake.result is None:
                for datagram in handshake.datagrams():
                    self.say_datagram(datagram)
                datagram = await self._hear(handshake.deadline())
                now = self._loop.time()
                if datagram is None:
                    handshake.tick(now)
                    continue
                for record in records.parse(datagram, len(cid)):
                    handshake.receive(record, now)
        for datagram in handshake.datagrams():
            self.say_datagram(datagram)
        if isinstance(handshake.result, Established):
            self.established = handshake.result
            for datagram in handshake.result.last_flight:
                self.say_datagram(datagram)
        return handshake.result

    def say(self, message: bytes) -> bytes:
        """Send a message; return the datagram that it became."""
        datagram = self.association.seal(ContentType.APPLICATION, message)
        self.say_datagram(datagram)
        return datagram

    def say_datagram(self, datagram: bytes) -> None:
        self.sent.append(datagram)
        self._socket.sendto(datagram, self.address)

    async def hear(self) -> bytes:
        """Wait for the next message."""
        while True:
            kind, content = await self.hear_record()
            if kind == ContentType.APPLICATION:
                return content

    async def hear_record(self) -> tuple[int, bytes]:
        """Wait for the next record that is ours."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                for record in records.parse(await self.hear_datagram(), self._cid):
                    opened = self.association.open(record)
                    if opened is not None:
                        return opened

    async def hear_datagram(self) -> bytes:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._loop.sock_recv(self._socket, 65_535)

    async def ask(self, message: bytes) -> bytes:
        """Say something and wait for what comes back."""
        self.say(message)
        return await self.hear()

    def rebind(self) -> None:
        """Come from another port from now on."""
        self._socket.close()
        self._socket = _socket()

    def close(self) -> None:
        self._socket.close()

    @property
    def _cid(self) -> int:
        association = self.association
        return len(association.cid) if isinstance(association, Association) else 0

    async def _hear(self, deadline: float | None) -> bytes | None:
        wait = PATIENCE_SECONDS if deadline is None else deadline - self._loop.time()
        try:
            async with asyncio.timeout(max(0.001, wait)):
                return await self._loop.sock_recv(self._socket, 65_535)
        except TimeoutError:
            return None


@contextmanager
def secured_peer(address: Address) -> Iterator[SecuredPeer]:
    """Make a device that speaks to a port."""
    made = SecuredPeer(address)
    try:
        yield made
    finally:
        made.close()


def records_of(datagrams: Sequence[bytes], cid_length: int) -> list[Record]:
    """Return all records of datagrams."""
    return [
        record
        for datagram in datagrams
        for record in records.parse(datagram, cid_length)
    ]


def with_cid(form: CidForm = CidForm.RFC, cid: bytes = b"") -> Offer:
    """Offer connection ids of one form."""
    return Offer(cid=cid, forms=(form,))


def _socket() -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setblocking(False)
    opened.bind(("127.0.0.1", 0))
    return opened
