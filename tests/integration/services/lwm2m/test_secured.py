"""The lwm2m edge behind its secured ports: who may register, and as what."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from nats.aio.client import Client
from prometheus_client import REGISTRY

from homeport import names
from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option, Type
from homeport.dtls import records
from homeport.dtls.client import DeviceKey, Offer
from homeport.dtls.context import CertifiedKey
from homeport.dtls.course import Established, Failed
from homeport.dtls.records import AlertLevel, ContentType
from homeport.events import subjects
from homeport.events.facts import (
    AnyFact,
    FactName,
    RegistrationRefused,
    RequestCompleted,
    RequestOutcome,
)
from homeport.identity import Service
from homeport.names import AccountId, EdgeId, EndpointName
from homeport.pki import certificates, devices, installation
from homeport.pki.authorities import Authority, create_issuer
from homeport.protocol.device_requests import DeviceRequest, Method
from homeport.runtime import bus
from homeport.runtime.probes import Probes
from homeport.store.entries import DeviceEntry, RegisteredKey, TrustedCertificate
from homeport.store.queue import RequestQueue
from services.lwm2m.app import service
from services.lwm2m.config import LwM2MSettings
from tests.support import certificates as factories
from tests.support import events, sessions, trust
from tests.support.edges import address
from tests.support.polling import until
from tests.support.secured import SecuredPeer, secured_peer, with_cid

pytestmark = pytest.mark.integration

ACCOUNT = AccountId("a" * 32)
KETTLE, LAMP = EndpointName("kettle"), EndpointName("lamp")
KEY = DeviceKey(b"kettle's", b"k" * 16)
OTHER_KEY = DeviceKey(b"lamp's", b"l" * 16)
FACTORY = factories.authority("Factory")
IDS = with_cid(cid=b"mine")
CLOSE_NOTIFY = 0
LINK_FORMAT = (Option.CONTENT_FORMAT, b"\x28")
IZUMA = ("lwm2m=1.0", "mccv=4.13.2")
PORTS = dict.fromkeys(
    (
        *("lwm2m_coap_port", "lwm2m_coap_tcp_port"),
        *("lwm2m_coaps_port", "lwm2m_coaps_tcp_port"),
    ),
    0,
)
NOW = datetime.now(UTC)


def key_of(name: EndpointName, key: DeviceKey) -> RegisteredKey:
    return RegisteredKey(name, Service.LWM2M, key.identity, ACCOUNT, name, key.key)


def authority() -> TrustedCertificate:
    return TrustedCertificate(
        id="1",
        account=ACCOUNT,
        subject=certificates.parse(FACTORY.der).subject_digest,
        certificate=FACTORY.der,
        service=Service.LWM2M,
        enrollment_mode=False,
        proven=True,
        active=True,
    )


@dataclass
class Device:
    """A device that registers over DTLS."""

    peer: SecuredPeer
    queries: Sequence[str] = ("lwm2m=1.1",)
    message_id: int = field(default=0, init=False)

    def request(
        self,
        code: Code,
        path: Sequence[str],
        queries: Sequence[str] = (),
        payload: bytes = b"",
    ) -> bytes:
        self.message_id += 1
        options = [(int(Option.URI_PATH), segment.encode()) for segment in path]
        options += [LINK_FORMAT] if payload else []
        options += [(int(Option.URI_QUERY), query.encode()) for query in queries]
        return codec.encode(
            Message(Type.CON, code, self.message_id, b"\x2a", tuple(options), payload)
        )

    async def ask(
        self,
        code: Code,
        path: Sequence[str],
        queries: Sequence[str] = (),
        payload: bytes = b"",
    ) -> Message:
        """Ask until there is an answer, as RFC 7252 §4.2 wants, but sooner."""
        request = self.request(code, path, queries, payload)
        for _ in range(20):
            self.peer.say(request)
            with suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    return codec.decode(await self.peer.hear())
        raise AssertionError("no answer")

    async def register(self, *queries: str) -> Message:
        return await self.ask(
            Code.POST, ("rd",), ("lt=300", *self.queries, *queries), b"</3/0>"
        )

    async def update(self, location: Sequence[str]) -> Message:
        return await self.ask(Code.POST, location)


@dataclass
class Site:
    """An installation with one account and what it trusts, before its edges."""

    redis_url: str
    nats_url: str
    nats: Client

    @asynccontextmanager
    async def edge(self, **changed: object) -> AsyncIterator[str]:
        settings = LwM2MSettings(
            redis_url=self.redis_url,
            nats_url=self.nats_url,
            default_account_id=ACCOUNT,
            buckets=8,
            **PORTS,
        ).model_copy(update=changed)
        async with service(settings, Probes()) as opened:
            yield opened["coaps"]

    @asynccontextmanager
    async def device(
        self,
        url: str,
        credential: DeviceKey | CertifiedKey = KEY,
        offer: Offer = IDS,
        **said: Sequence[str],
    ) -> AsyncIterator[Device]:
        with secured_peer(address(url)) as peer:
            result = await peer.shake_hands(credential, offer)
            assert isinstance(result, Established)
            yield Device(peer, **said)

    async def facts(self, count: int) -> list[AnyFact]:
        """Wait for so many events; return them."""

        async def enough() -> bool:
            return len(await events.stored(self.nats)) >= count

        await until(enough)
        return await events.facts_stored(self.nats)

    async def ask(self, name: EndpointName, path: str) -> bool:
        """Ask a device for a value, and tell the edge that has it; say if it does."""
        device = names.device_id(ACCOUNT, name)
        asked = DeviceRequest(
            *("1" * 32, "key", "mine", Method.GET, path), expires_at=2**45
        )
        async with sessions.edge(self.redis_url) as store:
            queue = RequestQueue(store.redis, store.sessions)
            outcome = await queue.enqueue(ACCOUNT, device, asked)
        poke = subjects.poke(EdgeId(outcome.edge))
        answer = await self.nats.request(poke, device.encode(), timeout=5)
        return answer.data == subjects.HERE

    async def refused(self, count: int = 1) -> RegistrationRefused:
        *_, last = await self.facts(count)
        assert isinstance(last, RegistrationRefused)
        return last


@pytest.fixture
async def site(redis_url: str, nats_url: str) -> AsyncIterator[Site]:
    await trust.introduce(redis_url)
    async with trust.writer(redis_url) as writer, bus.connection(nats_url) as nats:
        await writer.put([key_of(KETTLE, KEY), key_of(LAMP, OTHER_KEY), authority()])
        yield Site(redis_url, nats_url, nats)


def issued(name: EndpointName = KETTLE, *, by: Authority | None = None) -> CertifiedKey:
    """Make a certificate as bootstrap does."""
    key = devices.new_key()
    certificate = devices.issue(
        by or trust.issuer(),
        account=ACCOUNT,
        device=names.device_id(ACCOUNT, name),
        endpoint_name=name,
        key=key,
        now=NOW,
        days=30,
    )
    return CertifiedKey((certificate,), key)


CREDENTIALS = [
    pytest.param(KEY, id="psk"),
    pytest.param(FACTORY.issue(KETTLE), id="factory"),
    pytest.param(issued(), id="issued"),
]


@pytest.mark.parametrize("credential", CREDENTIALS)
async def test_a_device_registers_updates_and_leaves(
    site: Site, credential: DeviceKey | CertifiedKey
) -> None:
    async with site.edge() as url, site.device(url, credential) as device:
        created = await device.register()
        assert created.code == Code.CREATED
        assert (await device.update(created.location)).code == Code.CHANGED
        device.peer.rebind()
        assert (await device.update(created.location)).code == Code.CHANGED
        left = await device.ask(Code.DELETE, created.location)
        assert left.code == Code.DELETED
        found = await site.facts(4)
    assert [fact.name for fact in found] == [
        FactName.DEVICE_REGISTERED,
        FactName.REGISTRATION_UPDATED,
        FactName.REGISTRATION_UPDATED,
        FactName.DEVICE_DEREGISTERED,
    ]
    assert {fact.endpoint_name for fact in found} == {KETTLE}
    assert {fact.device_id for fact in found} == {names.device_id(ACCOUNT, KETTLE)}


@pytest.mark.parametrize(
    ("credential", "queries", "code"),
    [
        pytest.param(KEY, ("lwm2m=1.1",), Code.FORBIDDEN, id="psk"),
        pytest.param(KEY, IZUMA, Code.UNAUTHORIZED, id="izuma-psk"),
        pytest.param(FACTORY.issue(KETTLE), IZUMA, Code.UNAUTHORIZED, id="factory"),
        pytest.param(issued(), ("lwm2m=1.1",), Code.FORBIDDEN, id="issued"),
        pytest.param(issued(), IZUMA, Code.FORBIDDEN, id="izuma-issued"),
    ],
)
@pytest.mark.conforms("C-039", "C-040", "Leshan PskTest", "Leshan X509Test", "B-045")
async def test_the_name_of_another_device_is_refused(
    site: Site,
    credential: DeviceKey | CertifiedKey,
    queries: Sequence[str],
    code: Code,
) -> None:
    async with (
        site.edge() as url,
        site.device(url, credential, queries=queries) as device,
    ):
        refused = await device.register(f"ep={LAMP}")
        assert refused.code == code
        fact = await site.refused()
    assert (fact.account_id, fact.endpoint_name) == (ACCOUNT, KETTLE)
    assert "ep" in fact.reason


async def test_another_account_than_the_credentials_is_refused(site: Site) -> None:
    async with site.edge() as url, site.device(url) as device:
        assert (await device.register(f"aid={'b' * 32}")).code == Code.FORBIDDEN
        assert (await device.register(f"aid={ACCOUNT}")).code == Code.CREATED


async def test_a_name_belongs_to_the_credential_that_registered_it(
    site: Site,
) -> None:
    async with site.edge() as url:
        async with site.device(url) as device:
            first = await device.register()
            assert first.code == Code.CREATED
        async with site.device(url, FACTORY.issue(KETTLE)) as other:
            refused = await other.register()
            assert refused.code == Code.FORBIDDEN
            assert refused.payload == b"the endpoint name belongs to another credential"
            fact = await site.refused(2)
            assert fact.reason == refused.payload.decode()
            assert (await other.update(first.location)).code == Code.NOT_FOUND


async def test_where_that_is_allowed_another_credential_replaces_it(
    site: Site,
) -> None:
    async with site.edge(lwm2m_identity_may_change=True) as url:
        for credential in (KEY, FACTORY.issue(KETTLE)):
            async with site.device(url, credential) as device:
                assert (await device.register()).code == Code.CREATED


async def test_another_device_can_not_touch_a_registration(site: Site) -> None:
    async with (
        site.edge() as url,
        site.device(url) as device,
        site.device(url, OTHER_KEY) as other,
    ):
        location = (await device.register()).location
        assert (await other.update(location)).code == Code.NOT_FOUND
        answer = await other.ask(Code.DELETE, location)
        assert answer.code == Code.NOT_FOUND
        assert (await device.update(location)).code == Code.CHANGED


@pytest.mark.conforms("C-054", "C-110", "B-093")
async def test_either_edge_answers_without_a_handshake(site: Site) -> None:
    async with site.edge() as here, site.edge() as there, site.device(here) as device:
        location = (await device.register()).location
        for url in (there, here, there):
            device.peer.address = address(url)
            assert (await device.update(location)).code == Code.CHANGED


async def test_a_recorded_operation_that_another_edge_imports_changes_nothing(
    site: Site,
) -> None:
    async with (
        site.edge() as here,
        site.edge() as there,
        site.device(here) as device,
    ):
        created = await device.register()
        registered = device.peer.sent[-1]
        left = await device.ask(Code.DELETE, created.location)
        assert left.code == Code.DELETED
        deregistered = device.peer.sent[-1]
        again = await device.register()
        assert again.code == Code.CREATED
        before = replayed()

        async def examined() -> bool:
            return replayed() == before + 2

        with secured_peer(address(there)) as recorder:
            for recorded in (registered, deregistered):
                recorder.say_datagram(recorded)
            await until(examined)
            assert await recorder.hears_nothing()
        assert (await device.update(again.location)).code == Code.CHANGED
        device.peer.address = address(there)
        assert (await device.update(again.location)).code == Code.CHANGED
        found = await site.facts(5)
    assert [fact.name for fact in found] == [
        FactName.DEVICE_REGISTERED,
        FactName.DEVICE_DEREGISTERED,
        FactName.DEVICE_REGISTERED,
        FactName.REGISTRATION_UPDATED,
        FactName.REGISTRATION_UPDATED,
    ]


def replayed() -> float:
    """Count the operations that were recorded and sent again."""
    name, labels = "homeport_lwm2m_operations_total", {"result": "replayed"}
    return REGISTRY.get_sample_value(name, labels) or 0


@pytest.mark.conforms("C-095", "B-165 .. B-168")
async def test_a_device_that_is_suspended_hears_nothing_and_keeps_its_credentials(
    site: Site,
) -> None:
    suspended = DeviceEntry(names.device_id(ACCOUNT, KETTLE), ACCOUNT, suspended=True)
    async with (
        trust.writer(site.redis_url) as writer,
        site.edge() as url,
        site.device(url, issued()) as device,
    ):
        location = (await device.register()).location
        await writer.put([suspended])

        async def silent() -> bool:
            device.peer.say(device.request(Code.POST, location))
            return await device.peer.hears_nothing()

        await until(silent)
        assert device.peer.alerts == []


@pytest.mark.conforms("B-159")
async def test_a_device_keeps_its_certificate_when_the_issuer_is_replaced(
    site: Site,
) -> None:
    former, new = trust.issuer().certificate, create_issuer("New issuer", now=NOW)
    renewed = replace(trust.ours(), issuer=new.export(), former_issuers=(former.der,))
    withdrawn = replace(renewed, former_issuers=(), withdrawn=(former.subject_digest,))
    async with trust.writer(site.redis_url) as writer:
        await writer.put_authority(installation.build(renewed))
        async with site.edge() as url:
            async with site.device(url, issued()) as device:
                location = (await device.register()).location
                await writer.put_authority(installation.build(withdrawn))

                async def silent() -> bool:
                    device.peer.say(device.request(Code.POST, location))
                    return await device.peer.hears_nothing()

                await until(silent)
                assert isinstance(await device.peer.shake_hands(issued()), Failed)
                assert device.peer.alerts
            async with site.device(url, issued(by=new)) as device:
                assert (await device.update(location)).code == Code.CHANGED
            found = await site.facts(3)
        refused = next(each for each in found if isinstance(each, RegistrationRefused))
        assert refused.reason == "its issuer has been withdrawn"


async def test_without_direct_registration_a_factory_credential_opens_nothing(
    site: Site,
) -> None:
    async with site.edge(direct_registration=False, handshake_seconds=0.2) as url:
        with secured_peer(address(url)) as peer:
            handshake = peer.begin(KEY)
            peer.say_flight(handshake)
            await peer.step(handshake)
            peer.say_flight(handshake)
            await peer.step(handshake)
            peer.say_flight(handshake)
            fact = await site.refused()
            handshake.close()
        assert fact.reason == "direct registration is off"
        async with site.device(url, issued()) as device:
            assert (await device.register()).code == Code.CREATED


@pytest.mark.conforms("C-124", "C-150", "B-172")
@pytest.mark.parametrize("credential", CREDENTIALS)
async def test_a_request_reaches_a_device_by_its_association(
    site: Site, credential: DeviceKey | CertifiedKey
) -> None:
    async with site.edge() as url, site.device(url, credential) as device:
        await device.register()
        device.peer.rebind()
        assert (await device.ask(Code.POST, ("dp",))).code == Code.BAD_REQUEST
        assert await site.ask(KETTLE, "/3/0/9")
        request = codec.decode(await device.peer.hear())
        assert (request.code, request.path) == (Code.GET, ("3", "0", "9"))
        device.peer.say(
            codec.encode(
                Message(
                    *(Type.ACK, Code.CONTENT, request.message_id, request.token),
                    payload=b"95",
                )
            )
        )
        _, ended = await site.facts(2)
        assert isinstance(ended, RequestCompleted)
        assert (ended.outcome, ended.code) == (RequestOutcome.ANSWERED, "2.05")


@pytest.mark.conforms("C-064", "Leshan PskTest", "Californium 2235")
@pytest.mark.parametrize("binding", ["U", "UQ"])
async def test_who_has_left_is_not_called_back(site: Site, binding: str) -> None:
    queries = ("lwm2m=1.0", f"b={binding}")
    async with site.edge() as url, site.device(url, queries=queries) as device:
        assert (await device.register()).code == Code.CREATED
        goodbye = records.alert(AlertLevel.WARNING, CLOSE_NOTIFY)
        device.peer.say_datagram(device.peer.seal(goodbye, ContentType.ALERT))
        assert await device.peer.hears_nothing()
        assert not await site.ask(KETTLE, "/3/0/0")
        assert await device.peer.hears_nothing()
