"""The lwm2m edge, put together."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from homeport.coap.udp import UdpTransport
from homeport.runtime.edge import ground, listening
from homeport.runtime.probes import Probes
from services.lwm2m.coap import Listener
from services.lwm2m.config import LwM2MSettings
from services.lwm2m.handlers import Scene

SETTINGS = LwM2MSettings

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

        def listener(transport: UdpTransport) -> Listener:
            return Listener(
                transport,
                base.store,
                Scene(base.account, settings.buckets),
                batch=settings.lwm2m_batch,
                backlog=settings.lwm2m_backlog,
                recorded=base.relay.recorded,
            )

        yield await stack.enter_async_context(
            listening(settings.coap_host, settings.lwm2m_coap_port, listener)
        )
