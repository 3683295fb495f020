"""The ports of an edge: every transport that devices may come by."""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

import structlog

from homeport.coap.tcp.transport import TcpTransport
from homeport.coap.transport import Peer, Transport
from homeport.coap.udp import Address, UdpTransport
from homeport.dtls.context import CertifiedKey, ServerContext
from homeport.dtls.half_open import Limits
from homeport.dtls.tls import Tls
from homeport.dtls.transport import DtlsTransport
from homeport.errors import InvalidConfiguration, Unavailable
from homeport.identity import Service
from homeport.pki.installation import Installation
from homeport.runtime import addresses, datagrams, server_certificates
from homeport.runtime.config import EdgeSettings
from homeport.runtime.edge import Listener, listening
from homeport.runtime.secured import Security
from homeport.runtime.tasks import end, vital
from homeport.store.entries import AUTHORITY
from homeport.store.trust_writer import EVERYTHING

HANDSHAKE_DRAIN_SECONDS = 3.0
"""How long handshakes under way may take at the end."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Numbers:
    """The port numbers of an edge.

    0 takes a free one: for TCP the same as for UDP if it is free there too, since some
    devices have one URI for both.
    """

    coap: int
    coap_tcp: int
    coaps: int
    coaps_tcp: int


class MakeListener(Protocol):
    """Makes what is behind a port."""

    def __call__(self, transport: Transport[Peer]) -> Listener[Peer]:
        """Make a listener for a transport."""


@asynccontextmanager
async def opened(
    settings: EdgeSettings,
    security: Security,
    make: MakeListener,
    *,
    service: Service,
    numbers: Numbers,
) -> AsyncIterator[Mapping[str, str]]:
    """Entered: devices are served; yields the URLs by their schemes.

    Left: what came through the ports is answered. Plain ports are opened only where the
    operator asked for them. Raises InvalidConfiguration where a port is taken, and for
    a certificate that could not be shown.
    """
    host = settings.coap_host
    hosts = server_certificates.read(
        settings.server_certificates_folder, now=datetime.now(UTC)
    )
    found: dict[str, Address] = {}
    async with AsyncExitStack() as stack:
        dtls = await stack.enter_async_context(
            _dtls(
                settings,
                security,
                make,
                hosts,
                service=service,
                number=numbers.coaps,
            )
        )
        tls, secured_tcp = await stack.enter_async_context(
            _tls(
                settings,
                security,
                make,
                hosts,
                service=service,
                number=numbers.coaps_tcp or _free(host, dtls.address),
            )
        )
        hearing = vital(_hear(security, dtls, tls, secured_tcp))
        stack.push_async_callback(end, hearing)
        found |= {"coaps": dtls.address, "coaps+tcp": secured_tcp.address}
        if settings.nosec:
            udp = UdpTransport.bind(host, numbers.coap, reuse_port=True)
            await stack.enter_async_context(listening(udp, make))
            stack.enter_context(datagrams.watched(udp))
            number = numbers.coap_tcp or _free(host, udp.address)
            tcp = await TcpTransport.bind(host, number, reuse_port=True)
            await stack.enter_async_context(listening(tcp, make))
            found |= {"coap": udp.address, "coap+tcp": tcp.address}
        yield {
            scheme: addresses.url(scheme, host, address[1])
            for scheme, address in found.items()
        }


@asynccontextmanager
async def _dtls(
    settings: EdgeSettings,
    security: Security,
    make: MakeListener,
    hosts: Mapping[str, CertifiedKey],
    *,
    service: Service,
    number: int,
) -> AsyncIterator[DtlsTransport]:
    """Entered: a DTLS port is served. Left: its associations are written down."""
    context = partial(_context, security, service, hosts, stream=False)
    shown = context(security.installation)
    udp = UdpTransport.bind(settings.coap_host, number, reuse_port=True)
    transport = DtlsTransport(
        udp,
        shown,
        security.ports,
        limits=Limits(
            half_open=settings.half_open_handshakes,
            half_open_per_host=settings.half_open_handshakes_per_host,
            seconds=settings.handshake_seconds,
        ),
        most=settings.associations_in_memory,
        idle=settings.association_idle_seconds,
    )
    security.renewed.append(lambda renewed: transport.use(context(renewed)))
    serving = vital(transport.run())
    try:
        async with listening(transport, make):
            with datagrams.watched(udp):
                try:
                    yield transport
                finally:
                    await transport.settle(seconds=HANDSHAKE_DRAIN_SECONDS)
    finally:
        await end(serving)
        try:
            await transport.drain()
        except Unavailable as error:
            _log.warning("associations not written down", reason=str(error))


@asynccontextmanager
async def _tls(
    settings: EdgeSettings,
    security: Security,
    make: MakeListener,
    hosts: Mapping[str, CertifiedKey],
    *,
    service: Service,
    number: int,
) -> AsyncIterator[tuple[Tls, TcpTransport]]:
    """Entered: a TLS port is served."""
    ports = security.ports
    context = partial(_context, security, service, hosts, stream=True)
    tls = Tls(
        context(security.installation),
        trust=ports.trust,
        resumptions=ports.resumptions,
        refused=ports.refused,
        withdrawn=ports.withdrawn,
    )
    transport = await TcpTransport.bind(
        settings.coap_host, number, reuse_port=True, secure=tls.secure
    )
    security.renewed.append(lambda renewed: tls.use(context(renewed)))
    serving = vital(tls.run())
    try:
        async with listening(transport, make):
            yield tls, transport
    finally:
        await end(serving)


def _free(host: str, udp: Address) -> int:
    """Return the number of a UDP port if TCP has it free as well, otherwise 0."""
    try:
        addresses.require_free(host, udp[1], socket.SOCK_STREAM)
    except InvalidConfiguration:
        return 0
    return udp[1]


def _context(
    security: Security,
    service: Service,
    hosts: Mapping[str, CertifiedKey],
    renewed: Installation,
    *,
    stream: bool,
) -> ServerContext:
    """Make what handshakes begin with, from the installation's certificates."""
    shown = renewed.servers[service]
    bridge = (renewed.bridge,) if renewed.bridge else ()
    return ServerContext(
        CertifiedKey((shown.certificate, *bridge), shown.key),
        hosts=hosts,
        stream=stream,
        resumption=security.ports.resumptions is not None,
    )


async def _hear(
    security: Security, dtls: DtlsTransport, tls: Tls, tcp: TcpTransport
) -> None:
    """Look again at peers whenever the trust view has changed."""
    async for news in security.changes:
        dtls.taken_over(news.places)
        for hear in security.changed:
            hear(news.names)
        names = None if EVERYTHING in news.names else news.names
        if names is None or names:
            try:
                if names is None or AUTHORITY in names:
                    gone = await security.renew()
                    names = None if names is None else names | gone
                await dtls.distrust(names)
                await tls.distrust(tcp, names)
            except Unavailable as error:
                _log.warning("peers not looked at again", reason=str(error))
