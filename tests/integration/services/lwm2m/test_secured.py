"""The lwm2m edge behind its secured ports: who may register, and as what."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from nats.aio.client import Client
from prometheus_client import REGISTRY

from homeport import names
from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option, Options, Type
from homeport.dtls import records
from homeport.dtls.association import CidForm
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
from homeport.pki import certificates, devices, installation, keys
from homeport.pki.authorities import Authority, create_issuer
from homeport.pki.subjects import Subject
from homeport.protocol.device_requests import DeviceRequest, Method
from homeport.runtime import bus
from homeport.runtime.probes import Probes
from homeport.store.entries import DeviceEntry, RegisteredKey, TrustedCertificate
from homeport.store.queue import RequestQueue
from services.lwm2m import enrolling
from services.lwm2m.app import service
from services.lwm2m.config import LwM2MSettings
from tests.support import certificates as factories
from tests.support import events, sessions, trust
from tests.support.bootstrap import signing_request
from tests.support.edges import address
from tests.support.polling import until
from tests.support.secured import SecuredPeer, secured_peer, with_cid

pytestmark = pytest.mark.integration

ACCOUNT, NEXT = AccountId("a" * 32), AccountId("b" * 32)
KETTLE, LAMP = EndpointName("kettle"), EndpointName("lamp")
KEY = DeviceKey(b"kettle's", b"k" * 16)
OTHER_KEY = DeviceKey(b"lamp's", b"l" * 16)
FACTORY = factories.authority("Factory")
IDS = with_cid(cid=b"mine")
CLOSE_NOTIFY = 0
LINK_FORMAT = 40
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
        *,
        content_format: int = LINK_FORMAT,
        options: Options = (),
    ) -> bytes:
        self.message_id += 1
        given = [(int(Option.URI_PATH), segment.encode()) for segment in path]
        if payload:
            given.append((int(Option.CONTENT_FORMAT), bytes([content_format])))
        given += [(int(Option.URI_QUERY), query.encode()) for query in queries]
        ordered = tuple(sorted([*given, *options], key=lambda pair: pair[0]))
        return codec.encode(
            Message(Type.CON, code, self.message_id, b"\x2a", ordered, payload)
        )

    async def ask(
        self,
        code: Code,
        path: Sequence[str],
        queries: Sequence[str] = (),
        payload: bytes = b"",
        **more: Any,
    ) -> Message:
        """Ask until there is an answer, as RFC 7252 §4.2 wants, but sooner."""
        request = self.request(code, path, queries, payload, **more)
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

    async def hear_request(self) -> Message:
        """Wait for what the edge asks; it repeats that, as RFC 7252 §4.2 wants."""
        return codec.decode(await self.peer.hear())

    def answer(self, asked: Message, kind: Type, code: Code, **more: object) -> None:
        """Answer under the id of what was asked."""
        token = asked.token if code else b""
        self.peer.say(
            codec.encode(Message(kind, code, asked.message_id, token, **more))
        )

    def tell(self, token: bytes, sequence: int, payload: bytes) -> int:
        """Notify of what is observed; return the message id."""
        self.message_id += 1
        options = ((int(Option.OBSERVE), bytes([sequence])),)
        said = Message(
            *(Type.CON, Code.CONTENT, self.message_id, token, options), payload
        )
        self.peer.say(codec.encode(said))
        return self.message_id


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

    async def registered(self, count: int) -> list[AnyFact]:
        """Wait until so many devices have registered; return what was told of them."""
        seen = count
        while True:
            facts = await self.facts(seen)
            came = [each for each in facts if each.name is FactName.DEVICE_REGISTERED]
            if len(came) >= count:
                return came
            seen = len(facts) + 1

    async def ask(
        self,
        name: EndpointName,
        path: str,
        method: Method = Method.GET,
        **more: object,
    ) -> bool:
        """Ask something of a device, and tell the edge that has it; say if it does."""
        edge = await self.enqueue(name, path, method, **more)
        device = names.device_id(ACCOUNT, name)
        answer = await self.nats.request(
            subjects.poke(edge), device.encode(), timeout=5
        )
        return answer.data == subjects.HERE

    async def enqueue(
        self,
        name: EndpointName,
        path: str,
        method: Method = Method.GET,
        **more: object,
    ) -> EdgeId:
        """Ask something of a device; return the edge that has it."""
        device = names.device_id(ACCOUNT, name)
        asked = DeviceRequest(
            *(secrets.token_hex(16), "key", "mine", method, path),
            **{"expires_at": 2**45, **more},
        )
        async with sessions.edge(self.redis_url) as store:
            queue = RequestQueue(store.redis, store.sessions)
            outcome = await queue.enqueue(ACCOUNT, device, asked)
        return EdgeId(outcome.edge)

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


def issued(
    name: EndpointName = KETTLE,
    *,
    by: Authority | None = None,
    account: AccountId = ACCOUNT,
) -> CertifiedKey:
    """Make a certificate as bootstrap does."""
    key = devices.new_key()
    certificate = devices.issue(
        by or trust.issuer(),
        account=account,
        device=names.device_id(account, name),
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


def handshakes() -> float:
    """Count the handshakes that have led to an association."""
    name = "homeport_dtls_handshakes_total"
    full, resumed = ({"result": result} for result in ("full", "resumed"))
    return sum(REGISTRY.get_sample_value(name, each) or 0 for each in (full, resumed))


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


@pytest.mark.conforms("C-055", "C-122", "B-172", "B-180")
@pytest.mark.parametrize("offer", [IDS, Offer()])
async def test_a_device_is_asked_by_the_edge_that_follows_its_own(
    site: Site, offer: Offer
) -> None:
    async with AsyncExitStack() as stack:
        async with site.edge() as former:
            device = await stack.enter_async_context(site.device(former, offer=offer))
            await device.register()
        await site.enqueue(KETTLE, "/3/0/9")
        device.peer.address = address(await stack.enter_async_context(site.edge()))
        request = await device.hear_request()
        assert (request.code, request.path) == (Code.GET, ("3", "0", "9"))
        device.answer(request, Type.ACK, Code.CONTENT, payload=b"95")
        _, ended = await site.facts(2)
        assert isinstance(ended, RequestCompleted)
        assert ended.outcome is RequestOutcome.ANSWERED
        assert await site.ask(KETTLE, "/3/0/0")
        request = await device.hear_request()
        assert request.path == ("3", "0", "0")
        device.answer(request, Type.ACK, Code.CONTENT, payload=b"0")


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


@pytest.mark.conforms("C-242", "Leshan 1421", "B-221")
async def test_a_device_comes_from_a_new_port_with_whatever_it_says(site: Site) -> None:
    async with site.edge() as url, site.device(url) as device:
        location = (await device.register()).location
        device.peer.rebind()
        assert (await device.update(location)).code == Code.CHANGED
        await site.ask(KETTLE, "/3/0/9", observe=True)
        observe = await device.hear_request()
        device.peer.rebind()  # before its acknowledgement
        numbered = ((int(Option.OBSERVE), b"\x01"),)
        device.answer(observe, Type.ACK, Code.CONTENT, options=numbered, payload=b"95")
        await site.facts(3)
        device.peer.rebind()  # before a notification
        message_id = device.tell(observe.token, 2, b"94")
        taken = codec.decode(await device.peer.hear())
        assert (taken.type, taken.message_id) == (Type.ACK, message_id)
        device.peer.rebind()  # before what it sends
        pack = b'[{"n":"/3/0/9","v":93}]'
        sent = await device.ask(Code.POST, ("dp",), payload=pack, content_format=110)
        assert sent.code == Code.CHANGED
        await site.ask(KETTLE, "/3/0/0")
        asked = await device.hear_request()
        device.peer.rebind()  # before a reset
        device.answer(asked, Type.RST, Code.EMPTY)
        *_, ended = await site.facts(6)
        assert isinstance(ended, RequestCompleted)
        assert ended.outcome is RequestOutcome.UNREACHABLE
        heard = []
        for number, links in enumerate((b"</1/0>,</3/0>,</4/0>,</5/0>,</6/", b"0>")):
            device.peer.rebind()  # between blocks
            block = bytes([number << 4 | 8 * (not number) | 1])
            said = await device.ask(
                *(Code.POST, ("rd",), ("lt=300", "lwm2m=1.1"), links),
                options=((int(Option.BLOCK1), block),),
            )
            heard.append(said.code)
        assert heard == [Code.CONTINUE, Code.CREATED]


@pytest.mark.conforms("C-254", "RST-2", "B-093")
async def test_an_izuma_device_that_reboots_registers_at_any_edge_at_once(
    site: Site,
) -> None:
    offer = with_cid(CidForm.DRAFT)
    async with (
        site.edge() as first,
        site.edge() as second,
        site.device(first, offer=offer, queries=IZUMA) as device,
    ):
        assert (await device.register()).code == Code.CREATED
        await site.ask(KETTLE, "/3/0/4", Method.POST)
        asked = await device.hear_request()
        empty = b"\x60\x00" + asked.message_id.to_bytes(2, "big") + b"\xc0"
        device.peer.say(empty)
        done = Message(Type.CON, Code.CHANGED, asked.message_id, asked.token)
        device.peer.say(codec.encode(done))
        assert codec.decode(await device.peer.hear()).type is Type.ACK
        shaken, said = handshakes(), len(device.peer.sent)
        device.peer.rebind()
        device.peer.address = address(second)
        device.message_id = 0x4000
        assert (await device.register()).code == Code.CREATED
        assert len(device.peer.sent) == said + 1
        assert handshakes() == shaken
        facts = await site.facts(3)
    assert [fact.name for fact in facts] == [
        FactName.DEVICE_REGISTERED,
        FactName.REQUEST_COMPLETED,
        FactName.DEVICE_REGISTERED,
    ]


@pytest.mark.conforms("C-244", "B-145")
async def test_after_a_change_of_ownership_only_the_new_credential_is_good(
    site: Site,
) -> None:
    old, late = names.device_id(ACCOUNT, KETTLE), NOW + timedelta(minutes=1)
    ended = DeviceEntry(old, ACCOUNT, not_before=int(late.timestamp() * 1000))
    async with trust.writer(site.redis_url) as writer, site.edge() as url:
        former = issued()
        async with site.device(url, former) as device:
            location = (await device.register()).location
            await writer.put([ended])

            async def silent() -> bool:
                device.peer.say(device.request(Code.POST, location))
                return await device.peer.hears_nothing()

            await until(silent)
            assert isinstance(await device.peer.shake_hands(former), Failed)
        async with site.device(url, issued(account=NEXT)) as device:
            assert (await device.register()).code == Code.CREATED
            assert (await device.update(location)).code == Code.NOT_FOUND
        registered = await site.registered(2)
    assert [fact.account_id for fact in registered] == [ACCOUNT, NEXT]
    assert len({fact.device_id for fact in registered}) == 2


@pytest.mark.conforms("C-038", "Leshan PskTest")
async def test_a_registration_ends_with_its_key(site: Site) -> None:
    async with (
        trust.writer(site.redis_url) as writer,
        site.edge() as url,
        site.device(url) as device,
        site.device(url, OTHER_KEY) as other,
    ):
        location = (await device.register()).location
        stays = (await other.register()).location
        await writer.remove([key_of(KETTLE, KEY)])
        facts = await site.facts(3)
        left = [
            fact.endpoint_name
            for fact in facts
            if fact.name is FactName.DEVICE_DEREGISTERED
        ]
        assert left == [KETTLE]
        device.peer.say(device.request(Code.POST, location))
        assert await device.peer.hears_nothing()
        assert (await other.update(stays)).code == Code.CHANGED


async def test_a_registration_outlives_a_key_that_it_was_not_made_with(
    site: Site,
) -> None:
    async with (
        trust.writer(site.redis_url) as writer,
        site.edge(lwm2m_identity_may_change=True) as url,
        site.device(url) as former,
    ):
        await former.register()
        async with site.device(url, FACTORY.issue(KETTLE)) as device:
            location = (await device.register()).location
            await writer.remove([key_of(KETTLE, KEY)])

            async def silent() -> bool:
                former.peer.say(former.request(Code.POST, location))
                return await former.peer.hears_nothing()

            await until(silent)
            assert (await device.update(location)).code == Code.CHANGED


async def test_a_device_renews_its_certificate_and_goes_on(site: Site) -> None:
    key = keys.generate()
    subject = Subject(names.device_id(ACCOUNT, KETTLE), ACCOUNT, KETTLE)
    async with site.edge() as url:
        async with site.device(url, issued()) as device:
            location = (await device.register()).location
            document = signing_request(subject, key)
            answer = await device.ask(
                Code.POST, enrolling.PATH, (), document, content_format=0
            )
            assert answer.code == Code.CHANGED
            length = int.from_bytes(answer.payload[2:4], "big")
            certificate = answer.payload[4 : 4 + length]
            assert (await device.update(location)).code == Code.CHANGED
        renewed = CertifiedKey((certificate,), keys.encode(key))
        async with site.device(url, renewed) as device:
            assert (await device.update(location)).code == Code.CHANGED
            await device.register()
        first, second = await site.registered(2)
    assert second.credential_issued > first.credential_issued
    assert first.device_id == second.device_id == subject.locality


async def test_another_credential_is_not_renewed(site: Site) -> None:
    async with site.edge() as url, site.device(url) as device:
        await device.register()
        subject = Subject(names.device_id(ACCOUNT, KETTLE), ACCOUNT, KETTLE)
        answer = await device.ask(
            Code.POST, enrolling.PATH, (), signing_request(subject), content_format=0
        )
        assert answer.code == Code.FORBIDDEN
        answer = await device.ask(Code.GET, enrolling.PATH)
        assert answer.code == Code.METHOD_NOT_ALLOWED
