"""All four transports of an edge, on real servers."""

import asyncio
import socket
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from homeport import names
from homeport.dtls.client import DeviceKey, Offer
from homeport.dtls.context import CertifiedKey
from homeport.dtls.course import Established, Failed
from homeport.errors import InvalidConfiguration
from homeport.identity import Service
from homeport.names import EndpointName
from homeport.pki import authorities, devices, installation
from homeport.pki.authorities import Authority
from homeport.pki.installation import Installation
from homeport.store import keys
from homeport.store.entries import DeviceEntry, RegisteredKey, TrustedCertificate
from homeport.store.scanning import scan
from tests.support import certificates, edges, secured_edges, tls, trust
from tests.support.directory import key_pem_of, pem_of
from tests.support.edges import ACCOUNT, Edge, edge
from tests.support.peer import peer
from tests.support.polling import until
from tests.support.secured_peer import secured_peer, with_cid
from tests.support.tcp import CSM, OURS, Device

pytestmark = pytest.mark.integration

KEY = DeviceKey(b"device", b"k" * 16)
ASK = bytes.fromhex("41 01 0007 aa")
ANSWERED = bytes.fromhex("61 45 0007 aa")
NAME = b"psk:f2bbdbf1"
FACTORY = certificates.authority("Factory")
NOW = datetime.now(UTC)


def entry(service: Service = Service.LWM2M) -> RegisteredKey:
    return RegisteredKey(
        "1", service, KEY.identity, ACCOUNT, EndpointName("device"), KEY.key
    )


async def knows(redis_url: str, *known: RegisteredKey) -> None:
    """Let the edges know keys."""
    async with trust.writer(redis_url) as writer:
        await writer.put(list(known) or [entry()])


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


@pytest.mark.conforms("B-167")
async def test_a_suspended_device_comes_in_over_a_stream_to_be_told(
    redis_url: str, nats_url: str
) -> None:
    device = names.device_id(secured_edges.ACCOUNT, secured_edges.KETTLE)
    async with trust.writer(redis_url) as writer:
        await writer.put([DeviceEntry(device, secured_edges.ACCOUNT, suspended=True)])
    credential, offer = secured_edges.issued(), Offer(anchors=(trust.ours().root,))
    async with (
        edge(redis_url, nats_url) as here,
        tls.device(here.address("coaps+tcp"), credential, offer) as stream,
    ):
        await stream.shake_hands()
        stream.say(ASK)
        assert f"issued:{device}".encode() in await stream.hear()


@pytest.mark.conforms("C-044", "Leshan SniTest", "RFC 6066 §3")
async def test_who_asks_for_a_host_is_shown_its_certificate(
    redis_url: str, nats_url: str, tmp_path: Path
) -> None:
    await knows(redis_url)
    async with trust.writer(redis_url) as writer:
        await writer.put([factory(Service.LWM2M)])
    root = authorities.create_root("The CA of a customer")
    made = authorities.create_server(root, ["home.example"])
    (tmp_path / "home.crt").write_text(pem_of(made.certificate))
    (tmp_path / "home.key").write_text(key_pem_of(made.key))
    device = FACTORY.issue("kettle")
    async with edge(redis_url, nats_url, server_certificates_folder=tmp_path) as here:
        for host, anchor in (
            ("home.example", root.certificate.der),
            ("elsewhere.example", trust.ours().root),
            ("", trust.ours().root),
        ):
            offer = Offer(anchors=(anchor,), host=host)
            with secured_peer(here.address("coaps")) as secured:
                assert isinstance(await secured.shake_hands(device, offer), Established)
            async with tls.device(here.address("coaps+tcp"), device, offer) as stream:
                await stream.shake_hands()


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


async def test_whoever_wants_to_know_hears_what_has_changed(
    redis_url: str, nats_url: str
) -> None:
    heard: set[str] = set()
    async with trust.writer(redis_url) as writer, edge(redis_url, nats_url) as here:
        here.security.changed.append(heard.update)
        await writer.put([entry()])

        async def told() -> bool:
            return entry().name in heard

        await until(told)


@pytest.mark.parametrize("service", list(Service))
async def test_who_knows_a_former_root_believes_the_servers_until_it_is_withdrawn(
    redis_url: str, nats_url: str, service: Service
) -> None:
    device = FACTORY.issue("kettle")
    former, root = map(authorities.create_root, ("Former root", "New root"))
    renewed = replace(
        trust.ours(),
        root=root.certificate.der,
        servers=dict.fromkeys(Service, authorities.create_server(root, ["127.0.0.1"])),
        bridge=authorities.bridge(root.certificate, former=former),
    )
    older = Offer(anchors=(former.certificate.der,))
    newer = Offer(anchors=(root.certificate.der,))
    async with (
        edge(redis_url, nats_url, service=service) as here,
        trust.writer(redis_url) as writer,
    ):
        await writer.put([factory(service)])

        async def shown(told: Installation) -> None:
            await writer.put_authority(installation.build(told))
            await until(partial(has, here, told))

        await shown(renewed)
        with secured_peer(here.address("coaps")) as secured:
            for offer in (older, newer):
                assert isinstance(await secured.shake_hands(device, offer), Established)
                async with tls.device(here.address("coaps+tcp"), device, offer) as made:
                    await made.shake_hands()
            await shown(replace(renewed, bridge=b""))
            assert isinstance(await secured.shake_hands(device, older), Failed)
            assert isinstance(await secured.shake_hands(device, newer), Established)


async def has(here: Edge, told: Installation) -> bool:
    return here.security.installation == told


async def test_an_issuer_that_is_withdrawn_ends_what_it_has_opened(
    redis_url: str, nats_url: str
) -> None:
    device = issued(trust.issuer())
    new = authorities.create_issuer("New issuer", now=NOW)
    renewed = replace(
        trust.ours(),
        issuer=new.export(),
        former_issuers=(trust.issuer().certificate.der,),
    )
    withdrawn = replace(
        renewed,
        former_issuers=(),
        withdrawn=(trust.issuer().certificate.subject_digest,),
    )
    async with trust.writer(redis_url) as writer, edge(redis_url, nats_url) as here:
        with secured_peer(here.address("coaps")) as secured:
            await secured.shake_hands(device, with_cid())
            async with tls.device(here.address("coaps+tcp"), device) as secured_tcp:
                await secured_tcp.shake_hands()
                await writer.put_authority(installation.build(renewed))
                await until(partial(has, here, renewed))
                await secured.ask(ASK)
                secured_tcp.say(ASK)
                await secured_tcp.hear()
                await writer.put_authority(installation.build(withdrawn))
                async with asyncio.timeout(1):
                    await secured_tcp.ended()
            secured.say(ASK)
            assert await secured.hears_nothing()
            assert isinstance(await secured.shake_hands(device), Failed)
            assert isinstance(await secured.shake_hands(issued(new)), Established)


def issued(by: Authority) -> CertifiedKey:
    """Make a certificate as bootstrap does."""
    key, name = devices.new_key(), EndpointName("kettle")
    certificate = devices.issue(
        by,
        account=ACCOUNT,
        device=names.device_id(ACCOUNT, name),
        endpoint_name=name,
        key=key,
        now=NOW,
        days=30,
    )
    return CertifiedKey((certificate,), key)


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
            await until(partial(forgotten, here))
            await writer.put([entry()])
            secured.say(ASK)
            assert await secured.hears_nothing()


async def forgotten(here: Edge) -> bool:
    """Say whether no association is kept."""
    kept = keys.association(Service.LWM2M, "*")
    return not [found async for found in scan(here.base.redis, kept)]


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
