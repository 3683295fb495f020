"""The lwm2m edge, put together."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from homeport.coap.udp import UdpTransport
from homeport.runtime import addresses
from homeport.runtime.edge import Ground, ground
from homeport.runtime.probes import Probes
from services.lwm2m.coap import Listener
from services.lwm2m.config import LwM2MSettings
from services.lwm2m.handlers import Scene

SETTINGS = LwM2MSettings
DRAIN_SECONDS = 5.0

_log = structlog.get_logger()


@asynccontextmanager
async def service(
    settings: LwM2MSettings, probes: Probes
) -> AsyncIterator[Mapping[str, str]]:
    """Entered: devices are served. Left: what they were told is published."""
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(
            ground(settings, probes, service="lwm2m", registers=True)
        )
        if not settings.nosec:
            _log.info("no CoAP port is open", reason="NoSec is off")
            yield {}
            return
        transport = await stack.enter_async_context(_listening(settings, base))
        yield {"coap": addresses.url("coap", settings.coap_host, transport.address[1])}


@asynccontextmanager
async def _listening(
    settings: LwM2MSettings, base: Ground
) -> AsyncIterator[UdpTransport]:
    """Entered: a port is open. Left: all that came through it is answered."""
    transport = UdpTransport.bind(
        settings.coap_host, settings.lwm2m_coap_port, reuse_port=True
    )
    listener = Listener(
        transport,
        base.store,
        Scene(base.account, settings.buckets),
        batch=settings.lwm2m_batch,
        backlog=settings.lwm2m_backlog,
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
