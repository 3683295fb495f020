"""CoAP over TLS on a real port: who comes in, in which dialect, and who goes again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from homeport.dtls.client import DeviceKey, Offer
from homeport.dtls.context import CertifiedKey, ServerContext
from homeport.dtls.credentials import Admission, Chain, Credential, Refusal, SharedKey
from homeport.dtls.openssl import questions
from homeport.dtls.tls import Tls
from homeport.errors import Unavailable
from homeport.identity import Identity, Means
from tests.support.certificates import SERVER, authority
from tests.support.polling import until
from tests.support.tcp import CSM, OURS, Port, serving
from tests.support.tls import TlsDevice, device

NAME = "ca:1"
WHO = Identity("certificate:1", Means.CERTIFICATE, rests_on=(NAME,))
CA = authority()
DEVICE = CA.issue("urn:dev:1")
STRANGER = authority("Stranger").issue("urn:dev:1")
KEY = DeviceKey(b"device", b"k" * 16)
CONTEXT = ServerContext(CA.issue("server", usage=SERVER), stream=True, resumption=True)
ASK = "41 01 0007 aa"
ANSWERED = bytes.fromhex("61 45 0007 aa")


@dataclass
class Store:
    """The trust view and the kept sessions, as one edge sees them."""

    refusing: str = ""
    away: bool = False
    distrusted: bool = False
    asked: list[Credential] = field(default_factory=list)
    sessions: dict[bytes, tuple[bytes, Identity]] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def admit(
        self, credentials: Sequence[Credential]
    ) -> list[Admission | Refusal]:
        self.asked += credentials
        await self.gate.wait()
        self._reach()
        admission = Admission(WHO, key=KEY.key, anchors=(CA.der,))
        answer = Refusal(self.refusing) if self.refusing else admission
        return [answer] * len(credentials)

    async def trusted(self, identities: Sequence[Identity]) -> list[bool]:
        self._reach()
        assert all(each == WHO for each in identities)
        return [not self.distrusted] * len(identities)

    async def get(
        self, session_ids: Sequence[bytes]
    ) -> list[tuple[bytes, Identity] | None]:
        self._reach()
        return [self.sessions.get(each) for each in session_ids]

    async def put(self, sessions: Sequence[tuple[bytes, bytes, Identity]]) -> None:
        self._reach()
        self.sessions |= {each: (content, who) for each, content, who in sessions}

    def refused(self, refusal: Refusal, peer: str) -> None:
        assert peer.startswith("127.0.0.1:")
        self.refusals.append(refusal.reason)

    def _reach(self) -> None:
        if self.away:
            raise Unavailable("Redis", "is away")


@dataclass
class Site:
    """A TLS port and its store."""

    port: Port
    tls: Tls
    store: Store

    @asynccontextmanager
    async def connected(
        self,
        credential: DeviceKey | CertifiedKey = DEVICE,
        *,
        offer: Offer = Offer(),  # noqa: B008 # frozen
    ) -> AsyncIterator[TlsDevice]:
        async with device(self.port.transport.address, credential, offer) as made:
            yield made

    async def empty(self) -> bool:
        return not self.port.transport._connections


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    store = Store()
    store.gate.set()
    tls = Tls(CONTEXT, trust=store, resumptions=store, refused=store.refused)
    asking = asyncio.create_task(tls.run())
    async with serving(secure=tls.secure) as port:
        made = Site(port, tls, store)
        yield made
    await until(made.empty)
    asking.cancel()
    assert questions.living() == 0


@pytest.mark.parametrize(
    ("credential", "shown"),
    [(DEVICE, Chain(DEVICE.chain)), (KEY, SharedKey(KEY.identity))],
    ids=["certificate", "psk"],
)
async def test_a_device_that_proves_who_it_is_is_answered(
    site: Site, credential: DeviceKey | CertifiedKey, shown: Credential
) -> None:
    async with site.connected(credential) as device:
        await device.shake_hands()
        device.say(ASK)
        assert await device.hear() == ANSWERED
        assert site.store.asked == [shown]
        origin = site.port.transport.origin(site.port.requests[0].address)
        assert origin.identity == WHO


async def test_each_message_has_a_record_of_its_own_both_ways(site: Site) -> None:
    async with site.connected() as device:
        await device.shake_hands()
        for number in range(3):
            device.say(bytes.fromhex("40 01") + number.to_bytes(2, "big"))
        for number in range(3):
            assert await device.hear() == b"\x60\x45" + number.to_bytes(2, "big")


@pytest.mark.conforms("C-214", "TRN-8")
async def test_two_messages_in_one_record_are_done_neither(site: Site) -> None:
    async with site.connected() as device:
        await device.shake_hands()
        device.say(ASK)
        assert await device.hear() == ANSWERED
        device.say("44 01 0008 01000000 d001" + "44 01 0009 02000000 d001")
        await device.ended()
    assert len(site.port.requests) == 1


async def test_frames_are_spoken_over_tls_as_well(site: Site) -> None:
    async with site.connected() as device:
        await device.shake_hands()
        device.say(CSM)
        assert await device.hear() == OURS
        device.say("01 01")
        device.say("aa 01 02 bb")
        assert await device.hear() == bytes.fromhex("01 45 aa")
        assert await device.hear() == bytes.fromhex("01 45 bb")


@pytest.mark.conforms("C-063", "TLS-27", "B-224")
async def test_a_session_is_resumed_without_a_credential(site: Site) -> None:
    async with site.connected() as first:
        await first.shake_hands()
        _, session = first.connection.session()
    async with site.connected(offer=Offer(session=session)) as again:
        await again.shake_hands()
        assert again.connection.resumed
        again.say(ASK)
        assert await again.hear() == ANSWERED
        assert len(site.store.asked) == 1
        origin = site.port.transport.origin(site.port.requests[0].address)
        assert origin.identity == WHO


async def test_a_session_of_a_distrusted_peer_costs_a_full_handshake(
    site: Site,
) -> None:
    async with site.connected() as first:
        await first.shake_hands()
        _, session = first.connection.session()
    site.store.distrusted = True
    async with site.connected(offer=Offer(session=session)) as again:
        await again.shake_hands()
        assert not again.connection.resumed
        assert len(site.store.asked) == 2


@pytest.mark.parametrize("credential", [DEVICE, KEY], ids=["certificate", "psk"])
async def test_a_credential_that_opens_nothing_is_refused_and_reported(
    site: Site, credential: DeviceKey | CertifiedKey
) -> None:
    site.store.refusing = "nobody knows it"
    async with site.connected(credential) as device:
        with pytest.raises(ConnectionError):
            await device.shake_hands()
        assert site.store.refusals == ["nobody knows it"]
        assert site.port.batches == []


@pytest.mark.parametrize(
    "credential",
    [STRANGER, DeviceKey(b"device", b"w" * 16)],
    ids=["certificate", "psk"],
)
async def test_who_cannot_prove_it_is_refused_and_reported(
    site: Site, credential: DeviceKey | CertifiedKey
) -> None:
    async with site.connected(credential) as device:
        with pytest.raises(ConnectionError):
            await device.shake_hands()
        assert len(site.store.refusals) == 1
        assert site.port.batches == []


async def test_without_the_store_nobody_comes_in(site: Site) -> None:
    site.store.away = True
    async with site.connected() as device:
        with pytest.raises(ConnectionError):
            await device.shake_hands()
        assert site.store.refusals == []


async def test_a_device_that_leaves_while_it_is_asked_for_is_forgotten(
    site: Site,
) -> None:
    site.store.gate.clear()
    async with site.connected() as device:
        shaking = asyncio.create_task(device.shake_hands())

        async def asked() -> bool:
            return bool(site.store.asked)

        await until(asked)
        for connection in list(site.port.transport._connections):
            connection.close()
        with pytest.raises(ConnectionError):
            await shaking
    site.store.gate.set()
    await until(site.empty)


@pytest.mark.parametrize("names", [[NAME], None])
async def test_a_peer_that_is_distrusted_is_closed(
    site: Site, names: list[str] | None
) -> None:
    async with site.connected() as device:
        await device.shake_hands()
        device.say(ASK)
        await device.hear()
        transport = site.port.transport
        await site.tls.distrust(transport, names)
        assert len(transport._connections) == 1
        site.store.distrusted = True
        await site.tls.distrust(transport, ["ca:2"])
        assert len(transport._connections) == 1
        await site.tls.distrust(transport, names)
        await device.ended()
        await until(site.empty)


async def test_a_device_that_says_goodbye_is_gone(site: Site) -> None:
    async with site.connected() as device:
        await device.shake_hands()
        device.say(ASK)
        await device.hear()
        device.connection.shut_down()
        device.writer.write(device.connection.output())
        await device.ended()
        await until(site.empty)


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", bytes(60), b"\x16\x03"])
async def test_what_is_no_tls_is_closed(site: Site, garbage: bytes) -> None:
    async with site.connected() as device:
        device.writer.write(garbage)
        device.writer.write_eof()
        assert await device.reader.read() == b""
        await until(site.empty)
        assert site.store.refusals == []
