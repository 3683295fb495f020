"""The bootstrap edge, put together."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from homeport.coap.transport import Peer, Transport
from homeport.identity import Service
from homeport.runtime import ports, secured
from homeport.runtime.edge import Ground, ground
from homeport.runtime.probes import Probes
from homeport.runtime.secured import Security
from homeport.store.edges import EdgeRegistry
from homeport.store.trust_reader import TrustReader
from homeport.store.trust_writer import TrustWriter
from services.bootstrap.attempts import Scene
from services.bootstrap.coap import Listener
from services.bootstrap.config import (
    BootstrapSettings,
    secured_server_uri,
    server_uri,
)
from services.bootstrap.issuing import Issuer
from services.bootstrap.running import Patience
from services.bootstrap.work import Stores

SETTINGS = BootstrapSettings


@asynccontextmanager
async def service(
    settings: BootstrapSettings, probes: Probes
) -> AsyncIterator[Mapping[str, str]]:
    """Entered: devices are served. Left: how their bootstraps ended is published.

    Raises InvalidConfiguration for an address that devices could not reach.
    """
    coap = server_uri(settings) if settings.nosec else ""
    coaps = secured_server_uri(settings)
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(
            ground(settings, probes, service=Service.BOOTSTRAP)
        )
        security = await stack.enter_async_context(
            secured.security(settings, base, service=Service.BOOTSTRAP)
        )
        stores = _stores(settings, base, security)
        issuer = _issuer(settings, security)
        security.renewed.append(issuer.renew)
        scene = Scene(
            base.account,
            settings.buckets,
            issuer,
            coap=coap,
            coaps=coaps,
            lifetime=settings.bootstrap_lifetime_seconds,
            edge=base.edge,
        )
        patience = Patience(
            settings.bootstrap_patience_seconds,
            settings.bootstrap_enrollment_patience_seconds,
        )

        listeners: list[Listener[Any]] = []

        def listener(transport: Transport[Peer]) -> Listener[Peer]:
            made = Listener(
                transport,
                stores,
                scene,
                patience=patience,
                most=settings.bootstrap_sessions,
            )
            listeners.append(made)
            return made

        urls = await stack.enter_async_context(
            ports.opened(
                settings,
                security,
                listener,
                service=Service.BOOTSTRAP,
                numbers=ports.Numbers(
                    coap=settings.bootstrap_coap_port,
                    coap_tcp=settings.bootstrap_coap_tcp_port,
                    coaps=settings.bootstrap_coaps_port,
                    coaps_tcp=settings.bootstrap_coaps_tcp_port,
                ),
            )
        )

        async def drain() -> None:
            await asyncio.gather(*(each.drain() for each in listeners))

        stack.push_async_callback(drain)
        yield urls


def _issuer(settings: BootstrapSettings, security: Security) -> Issuer:
    return Issuer.load(
        security.installation,
        keyring=settings.keyring,
        days=settings.credential_days,
        enrolls=settings.bootstrap_enrollment,
    )


def _stores(settings: BootstrapSettings, base: Ground, security: Security) -> Stores:
    return Stores(
        sessions=base.store,
        registry=EdgeRegistry(base.redis, base.clock),
        reader=TrustReader(base.redis, settings.keyring),
        writer=TrustWriter(base.redis, settings.keyring),
        recorded=base.relay.recorded,
        now_milliseconds=security.ports.now_milliseconds,
    )
