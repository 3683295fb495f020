"""Lwm2m edges behind their secured ports, and devices that speak to them over DTLS."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from nats.aio.client import Client

from homeport import names
from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option, Options, Type
from homeport.dtls.client import DeviceKey, Offer
from homeport.dtls.context import CertifiedKey
from homeport.dtls.course import Established
from homeport.events import subjects
from homeport.events.facts import AnyFact, FactName, RegistrationRefused
from homeport.identity import Service
from homeport.names import AccountId, EdgeId, EndpointName
from homeport.pki import certificates, devices
from homeport.pki.authorities import Authority
from homeport.protocol.device_requests import DeviceRequest, Method
from homeport.runtime.probes import Probes
from homeport.store.entries import RegisteredKey, TrustedCertificate
from homeport.store.queue import RequestQueue
from services.lwm2m.app import service
from services.lwm2m.config import LwM2MSettings
from tests.support import certificates as factories
from tests.support import events, sessions, trust
from tests.support.edges import address
from tests.support.homeport import Command, event_is, homeport
from tests.support.polling import until
from tests.support.secured_peer import SecuredPeer, secured_peer, with_cid

ACCOUNT, NEXT = AccountId("a" * 32), AccountId("b" * 32)
KETTLE, LAMP = EndpointName("kettle"), EndpointName("lamp")
KEY = DeviceKey(b"kettle's", b"k" * 16)
OTHER_KEY = DeviceKey(b"lamp's", b"l" * 16)
FACTORY = factories.authority("Factory")
IDS = with_cid(cid=b"mine")
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
    async def process(self, number: int = 0) -> AsyncIterator[tuple[Command, str]]:
        """Run an edge as a process of its own, which may be killed."""
        ports = {f"HOMEPORT_{name.upper()}": "0" for name in PORTS}
        async with homeport(
            *("run", "lwm2m"),
            HOMEPORT_REDIS_URL=self.redis_url,
            HOMEPORT_NATS_URL=self.nats_url,
            HOMEPORT_DEFAULT_ACCOUNT_ID=ACCOUNT,
            HOMEPORT_BUCKETS="8",
            **ports | {"HOMEPORT_LWM2M_COAPS_PORT": str(number)},
        ) as command:
            ready = await command.logged(event_is("ready"))
            yield command, ready["coaps"]

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


def key_of(name: EndpointName, key: DeviceKey) -> RegisteredKey:
    """Make what the directory writes of a key."""
    return RegisteredKey(name, Service.LWM2M, key.identity, ACCOUNT, name, key.key)


def authority() -> TrustedCertificate:
    """Make what it writes of the factory's CA."""
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
