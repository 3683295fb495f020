"""The bootstrap edge, put together."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from homeport.coap.udp import UdpTransport
from homeport.protocol.bootstrap import Handover
from homeport.runtime import addresses
from homeport.runtime.edge import Ground, ground
from homeport.runtime.probes import Probes
from services.bootstrap.coap import Listener
from services.bootstrap.config import BootstrapSettings, server_uri
from services.bootstrap.handlers import Scene

SETTINGS = BootstrapSettings
DRAIN_SECONDS = 5.0

_log = structlog.get_logger()


@asynccontextmanager
async def service(
    settings: BootstrapSettings, probes: Probes
) -> AsyncIterator[Mapping[str, str]]:
    """Entered: devices are served. Left: how their bootstraps ended is published.

    Raises InvalidConfiguration for an address that devices could not reach.
    """
    handover = _handover(settings)
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(
            ground(settings, probes, service="bootstrap", registers=False)
        )
        if handover is None:
            _log.info("no CoAP port is open", reason="NoSec is off")
            yield {}
            return
        transport = await stack.enter_async_context(
            _listening(settings, base, handover)
        )
        yield {"coap": addresses.url("coap", settings.coap_host, transport.address[1])}


def _handover(settings: BootstrapSettings) -> Handover | None:
    """Return what devices are handed; None where no port is served."""
    if not settings.nosec:
        return None
    return Handover(server_uri(settings), settings.bootstrap_lifetime_seconds)


@asynccontextmanager
async def _listening(
    settings: BootstrapSettings, base: Ground, handover: Handover
) -> AsyncIterator[UdpTransport]:
    """Entered: a port is open. Left: how bootstraps ended until then is recorded."""
    transport = UdpTransport.bind(
        settings.coap_host, settings.bootstrap_coap_port, reuse_port=True
    )
    listener = Listener(
        transport,
        base.store,
        Scene(base.account, settings.buckets, handover),
        patience=settings.bootstrap_patience_seconds,
        most=settings.bootstrap_sessions,
        recorded=base.relay.recorded,
    )
    transport.start(listener.receive)
    serving = asyncio.create_task(listener.run())
    try:
        yield transport
    finally:
        transport.stop()
        listener.close()
        await asyncio.wait([serving], timeout=DRAIN_SECONDS)
        serving.cancel()
        transport.close()
