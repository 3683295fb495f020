"""What bootstrap hands out is good at once, where devices register (B-020)."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from homeport import names
from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option
from homeport.dtls.client import DeviceKey, Offer
from homeport.dtls.context import CertifiedKey
from homeport.dtls.course import Established, Failed
from homeport.identity import Service
from homeport.names import AccountId, EndpointName
from homeport.pki import certificates, developer, devices, keys
from homeport.pki.subjects import Subject
from homeport.protocol import paths, tlv
from homeport.protocol.bootstrap import ENROLLMENT_PATH
from homeport.protocol.formats import codecs, values
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import ROOT, Path
from homeport.runtime.probes import Probes
from homeport.store.entries import Pin, RegisteredKey, TrustedCertificate
from services.bootstrap.app import service as bootstrap_service
from services.bootstrap.config import BootstrapSettings
from services.lwm2m.app import service as lwm2m_service
from services.lwm2m.config import LwM2MSettings
from tests.support import trust
from tests.support.bootstrap import request, signing_request
from tests.support.certificates import authority
from tests.support.keyring import SECRET_KEY
from tests.support.lockstep import acknowledge
from tests.support.secured_peer import SecuredPeer, secured_peer

pytestmark = pytest.mark.integration

ACCOUNT = AccountId("a" * 32)
KITCHEN = EndpointName("kitchen")
KITCHEN_ID = names.device_id(ACCOUNT, KITCHEN)
IZUMA = (f"aid={ACCOUNT}", "mccv=4.13.2")
PORTS = ("coap_port", "coap_tcp_port", "coaps_port", "coaps_tcp_port")
LINK_FORMAT = ((int(Option.CONTENT_FORMAT), b"\x28"),)

Credential = DeviceKey | CertifiedKey


@dataclass(frozen=True, slots=True)
class Homeport:
    """Both edges, on one store."""

    bootstrap: str
    lwm2m: str
    redis_url: str

    async def bootstrapped(
        self, credential: Credential, *queries: str
    ) -> dict[int, bytes]:
        """Bootstrap a device; return the Security resources that it was handed."""
        with secured_peer(address(self.bootstrap)) as peer:
            return await bootstrap(peer, credential, *queries)

    async def registered(self, credential: Credential, *queries: str) -> Message:
        """Register a device; return the answer."""
        with secured_peer(address(self.lwm2m)) as peer:
            established = await peer.shake_hands(
                credential, Offer(anchors=[trust.ours().root])
            )
            assert isinstance(established, Established), established
            asked = request("lt=300", *queries, path=("rd",))
            options = sorted((*LINK_FORMAT, *asked.options))
            message = Message(
                asked.type, asked.code, 7, b"token", tuple(options), b"</3/0>"
            )
            return codec.decode(await peer.ask(codec.encode(message)))


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


async def bootstrap(
    peer: SecuredPeer, credential: Credential, *queries: str
) -> dict[int, bytes]:
    """Bootstrap, and answer everything as a device that understands it."""
    established = await peer.shake_hands(credential, Offer(anchors=[trust.ours().root]))
    assert isinstance(established, Established), established
    answer = codec.decode(await peer.ask(codec.encode(request(*queries))))
    assert answer.code == Code.CHANGED, answer
    security, content_format, base = b"", tlv.CONTENT_FORMAT, ROOT
    while True:
        asked = codec.decode(await peer.hear())
        if asked.path[:1] == ("0",):
            security += asked.payload
            content_format = asked.content_format or content_format
            base = paths.parse(f"/{'/'.join(asked.path)}")
        block = asked.number(Option.BLOCK1)
        goes_on = block is not None and block & 8
        peer.say(acknowledge(asked, Code.CONTINUE if goes_on else Code.CHANGED))
        if asked.path == ("bs",):
            return resources(security, content_format, base)


def resources(payload: bytes, content_format: int, base: Path) -> dict[int, bytes]:
    """Return the resources of what was written, in whichever format."""
    records = codecs.decode(content_format, payload, base=base, definitions=CORE)
    return {
        record.path[2]: values.to_bytes(record.value)
        for record in records
        if record.value is not None
    }


@asynccontextmanager
async def running(
    redis_url: str, nats_url: str, **changes: object
) -> AsyncIterator[Homeport]:
    await trust.introduce(redis_url)
    shared = {
        "redis_url": redis_url,
        "nats_url": nats_url,
        "buckets": 4,
        "secret_key": SECRET_KEY,
        "default_account_id": "d" * 32,
    }
    async with AsyncExitStack() as stack:
        lwm2m = LwM2MSettings.model_validate(
            shared | {f"lwm2m_{port}": 0 for port in PORTS}
        )
        there = await stack.enter_async_context(lwm2m_service(lwm2m, Probes()))
        settings = BootstrapSettings.model_validate(
            shared
            | {f"bootstrap_{port}": 0 for port in PORTS}
            | {"lwm2m_public_coaps": there["coaps"]}
            | changes
        )
        here = await stack.enter_async_context(bootstrap_service(settings, Probes()))
        yield Homeport(here["coaps"], there["coaps"], redis_url)


@pytest.fixture
async def homeport(redis_url: str, nats_url: str) -> AsyncIterator[Homeport]:
    async with running(redis_url, nats_url) as made:
        yield made


async def with_key(redis_url: str) -> DeviceKey:
    """Register a key of a device's factory."""
    factory = DeviceKey(b"kitchen", bytes(16))
    async with trust.writer(redis_url) as writer:
        entry = RegisteredKey(
            "1", Service.BOOTSTRAP, factory.identity, ACCOUNT, KITCHEN, factory.key
        )
        await writer.put([entry])
    return factory


async def with_certificate(redis_url: str) -> CertifiedKey:
    """Trust the CA of a device's factory; return the device's credential."""
    factory = authority("Factory")
    parsed = certificates.parse(factory.der)
    async with trust.writer(redis_url) as writer:
        entry = TrustedCertificate(
            id="1",
            account=ACCOUNT,
            subject=parsed.subject_digest,
            certificate=factory.der,
            service=Service.BOOTSTRAP,
            enrollment_mode=False,
            proven=True,
            active=True,
        )
        await writer.put([entry])
    return factory.issue(KITCHEN)


async def as_developer(redis_url: str) -> CertifiedKey:
    """Make a developer certificate that its account knows."""
    made = developer.create(ACCOUNT, now=datetime.now(UTC))
    fingerprint = certificates.fingerprint(made.certificate)
    async with trust.writer(redis_url) as writer:
        await writer.put([Pin("1", ACCOUNT, fingerprint)])
    return CertifiedKey((made.certificate,), made.key)


@pytest.mark.conforms("C-002", "ETS-1")
async def test_a_key_that_was_handed_out_registers(homeport: Homeport) -> None:
    factory = await with_key(homeport.redis_url)
    security = await homeport.bootstrapped(factory, "pct=110")
    issued = DeviceKey(security[3], security[5])
    assert issued.key != factory.key
    created = await homeport.registered(issued, "ep=kitchen", "lwm2m=1.1")
    assert created.code == Code.CREATED
    assert created.location[1].startswith(KITCHEN_ID)


@pytest.mark.conforms("C-003", "ETS-2")
async def test_a_certificate_that_was_handed_out_registers(homeport: Homeport) -> None:
    factory = await with_certificate(homeport.redis_url)
    security = await homeport.bootstrapped(factory, "ep=kitchen", *IZUMA)
    assert security[0].decode().startswith(f"{homeport.lwm2m}?aid={ACCOUNT}&iep=")
    issued = CertifiedKey((security[3],), security[5])
    created = await homeport.registered(
        issued, "ep=kitchen", "lwm2m=1.0", f"iep={KITCHEN_ID}", *IZUMA
    )
    assert created.location == ("rd", ACCOUNT, KITCHEN_ID)


async def test_a_developers_devices_register_under_ids_of_their_own(
    homeport: Homeport,
) -> None:
    shared = await as_developer(homeport.redis_url)
    registered = set()
    for _ in range(2):
        security = await homeport.bootstrapped(shared, "ep=anything", *IZUMA)
        device = devices.read(security[3]).device
        issued = CertifiedKey((security[3],), security[5])
        created = await homeport.registered(
            issued, f"ep={device}", "lwm2m=1.0", f"iep={device}", *IZUMA
        )
        assert created.location == ("rd", ACCOUNT, device)
        registered.add(device)
    assert len(registered) == 2


@pytest.mark.conforms("C-026", "EST-6")
async def test_a_certificate_that_a_device_enrolled_for_registers(
    redis_url: str, nats_url: str
) -> None:
    async with running(redis_url, nats_url, bootstrap_enrollment=True) as homeport:
        factory = await with_certificate(redis_url)
        key = keys.generate()
        with secured_peer(address(homeport.bootstrap)) as peer:
            security = await bootstrap(peer, factory, "ep=kitchen", *IZUMA)
            assert security[2] == b"\x04"
            subject = Subject(KITCHEN_ID, ACCOUNT, KITCHEN)
            chain = await enroll(peer, signing_request(subject, key))
        issued = CertifiedKey(chain, keys.encode(key))
        created = await homeport.registered(
            issued, "ep=kitchen", "lwm2m=1.0", f"iep={KITCHEN_ID}", *IZUMA
        )
        assert created.location == ("rd", ACCOUNT, KITCHEN_ID)


async def enroll(peer: SecuredPeer, document: bytes) -> tuple[bytes, ...]:
    """Have a key signed; return the certificates of the answer."""
    asked = request(path=ENROLLMENT_PATH, message_id=9, payload=document)
    answer = codec.decode(await peer.ask(codec.encode(asked)))
    assert answer.code == Code.CHANGED
    found, rest = [], answer.payload[2:]
    while rest:
        length = int.from_bytes(rest[:2], "big")
        found.append(rest[2 : 2 + length])
        rest = rest[2 + length :]
    return tuple(found)


async def test_what_was_handed_out_opens_no_bootstrap(homeport: Homeport) -> None:
    factory = await with_certificate(homeport.redis_url)
    security = await homeport.bootstrapped(factory, "ep=kitchen", *IZUMA)
    with secured_peer(address(homeport.bootstrap)) as peer:
        issued = CertifiedKey((security[3],), security[5])
        assert isinstance(await peer.shake_hands(issued), Failed)
