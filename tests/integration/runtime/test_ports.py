"""All four transports of an edge, on real servers."""

import asyncio
import socket
from dataclasses import replace

import pytest

from homeport.dtls.client import DeviceKey, Offer
from homeport.dtls.course import Established, Failed
from homeport.errors import InvalidConfiguration
from homeport.identity import Service
from homeport.names import EndpointName
from homeport.pki import authorities, installation
from homeport.store.entries import RegisteredKey, TrustedCertificate
from tests.support import certificates, edges, tls, trust
from tests.support.edges import ACCOUNT, edge
from tests.support.peer import peer
from tests.support.polling import until
from tests.support.secured import secured_peer, with_cid
from tests.support.tcp import CSM, OURS, Device

pytestmark = pytest.mark.integration

KEY = DeviceKey(b"device", b"k" * 16)
ASK = bytes.fromhex("41 01 0007 aa")
ANSWERED = bytes.fromhex("61 45 0007 aa")
NAME = b"psk:f2bbdbf1"
FACTORY = certificates.authority("Factory")


def entry(service: Service = Service.LWM2M) -> RegisteredKey:
    return RegisteredKey(
        "1", service, KEY.identity, ACCOUNT, EndpointName("device"), KEY.key
    )


async def knows(redis_url: str, *keys: RegisteredKey) -> None:
    """Let the edges know keys."""
    async with trust.writer(redis_url) as writer:
        await writer.put(list(keys) or [entry()])


async def test_a_device_is_served_on_all_four_schemes(
    redis_url: str, nats_url: str
) -> None:
    await knows(redis_url)
    async with edge(redis_url, nats_url, nosec=True) as here:
        assert sorted(here.urls) == ["coap", "coap+tcp", "coaps", "coaps+tcp"]
        with peer() as plain:
            plain.say(ASK, here.urls["coap"])
            assert await plain.hear() == ANSWERED + b"\xffnosec"
        host, number = here.address("coap+tcp")[:2]
        reader, writer = await asyncio.open_connection(host, number)
        plain_tcp = Device(reader, writer)
        plain_tcp.say(CSM)
        await plain_tcp.hear(OURS)
        plain_tcp.say("01 01 aa")
        await plain_tcp.hear(bytes.fromhex("61 45 aa") + b"\xffnosec")
        writer.transport.abort()
        with secured_peer(here.address("coaps")) as secured:
            await secured.shake_hands(KEY)
            answer = await secured.ask(ASK)
            assert answer.startswith(ANSWERED + b"\xffpsk:")
        async with tls.device(here.address("coaps+tcp"), KEY) as secured_tcp:
            await secured_tcp.shake_hands()
            secured_tcp.say(ASK)
            assert await secured_tcp.hear() == answer


@pytest.mark.parametrize("service", list(Service))
async def test_without_nosec_only_secured_ports_are_open(
    redis_url: str, nats_url: str, service: Service
) -> None:
    async with edge(redis_url, nats_url, service=service) as here:
        assert sorted(here.urls) == ["coaps", "coaps+tcp"]


@pytest.mark.parametrize("service", list(Service))
async def test_a_server_shows_a_certificate_that_leads_to_our_root(
    redis_url: str, nats_url: str, service: Service
) -> None:
    await knows(redis_url)
    async with trust.writer(redis_url) as writer:
        await writer.put([factory(service)])
    device = FACTORY.issue("kettle")
    ours = Offer(anchors=(trust.ours().root,))
    async with edge(redis_url, nats_url, service=service) as here:
        with secured_peer(here.address("coaps")) as secured:
            assert isinstance(await secured.shake_hands(device, ours), Established)
            assert b"certificate:" in await secured.ask(ASK)
        async with tls.device(here.address("coaps+tcp"), device, ours) as secured_tcp:
            await secured_tcp.shake_hands()
            secured_tcp.say(ASK)
            assert b"certificate:" in await secured_tcp.hear()


def factory(service: Service) -> TrustedCertificate:
    parsed = authorities.certificates.parse(FACTORY.der)
    return TrustedCertificate(
        id="2",
        account=ACCOUNT,
        subject=parsed.subject_digest,
        certificate=FACTORY.der,
        service=service,
        enrollment_mode=False,
        proven=False,
        active=True,
    )


async def test_new_certificates_of_the_installation_are_shown_at_once(
    redis_url: str, nats_url: str
) -> None:
    await knows(redis_url)
    async with trust.writer(redis_url) as writer:
        await writer.put([factory(Service.LWM2M)])
        root = authorities.create_root("New root")
        server = authorities.create_server(root, ["127.0.0.1"])
        renewed = replace(
            trust.ours(),
            root=root.certificate.der,
            servers=dict.fromkeys(Service, server),
        )
        device = FACTORY.issue("kettle")
        offer = Offer(anchors=(renewed.root,))
        async with edge(redis_url, nats_url) as here:
            with secured_peer(here.address("coaps")) as secured:
                assert isinstance(await secured.shake_hands(device, offer), Failed)
                await writer.put_authority(installation.build(renewed))

                async def heard() -> bool:
                    return here.security.installation.root == renewed.root

                await until(heard)
                assert isinstance(await secured.shake_hands(device, offer), Established)
            async with tls.device(here.address("coaps+tcp"), device, offer) as made:
                await made.shake_hands()


async def test_a_key_that_is_removed_ends_what_it_has_opened(
    redis_url: str, nats_url: str
) -> None:
    await knows(redis_url)
    async with trust.writer(redis_url) as writer, edge(redis_url, nats_url) as here:
        with secured_peer(here.address("coaps")) as secured:
            await secured.shake_hands(KEY, with_cid())
            await secured.ask(ASK)
            async with tls.device(here.address("coaps+tcp"), KEY) as secured_tcp:
                await secured_tcp.shake_hands()
                await writer.remove([entry()])
                async with asyncio.timeout(1):
                    await secured_tcp.ended()
            secured.say(ASK)
            assert await secured.hears_nothing()
            await writer.put([entry()])
            secured.say(ASK)
            assert await secured.hears_nothing()


async def test_an_edge_hears_that_another_has_taken_over(
    redis_url: str, nats_url: str
) -> None:
    await knows(redis_url)
    async with edge(redis_url, nats_url) as here, edge(redis_url, nats_url) as there:
        with secured_peer(here.address("coaps")) as secured:
            await secured.shake_hands(KEY, with_cid())
            await secured.ask(ASK)
            for other in (there, here, there):
                secured.address = other.address("coaps")
                await secured.ask(ASK)


async def test_what_is_left_behind_is_written_down(
    redis_url: str, nats_url: str
) -> None:
    await knows(redis_url)
    async with edge(redis_url, nats_url) as there:
        with secured_peer(there.address("coaps")) as secured:
            async with edge(redis_url, nats_url) as here:
                secured.address = here.address("coaps")
                await secured.shake_hands(KEY, with_cid())
                await secured.ask(ASK)
                recorded = secured.sent[-1]
            secured.address = there.address("coaps")
            secured.say_datagram(recorded)
            assert await secured.hears_nothing()
            await secured.ask(ASK)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("coaps", socket.SOCK_DGRAM),
        ("coaps_tcp", socket.SOCK_STREAM),
        ("coap", socket.SOCK_DGRAM),
        ("coap_tcp", socket.SOCK_STREAM),
    ],
)
async def test_a_port_that_is_taken_is_named_and_no_other_stays_open(
    redis_url: str, nats_url: str, name: str, kind: socket.SocketKind
) -> None:
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            holder.listen()
        number = holder.getsockname()[1]
        numbers = replace(edges.FREE, **{name: number})
        with pytest.raises(InvalidConfiguration, match=str(number)):
            async with edge(redis_url, nats_url, numbers=numbers, nosec=True):
                pass
