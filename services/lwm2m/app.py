"""The lwm2m edge, put together."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from homeport.coap.transport import Peer, Transport
from homeport.identity import Service
from homeport.runtime import ports, secured
from homeport.runtime.edge import ground
from homeport.runtime.probes import Probes
from services.lwm2m.coap import Listener
from services.lwm2m.config import LwM2MSettings
from services.lwm2m.handlers import Scene

SETTINGS = LwM2MSettings


@asynccontextmanager
async def service(
    settings: LwM2MSettings, probes: Probes
) -> AsyncIterator[Mapping[str, str]]:
    """Entered: devices are served. Left: what they were told is published."""
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(
            ground(settings, probes, service=Service.LWM2M)
        )
        security = await stack.enter_async_context(
            secured.security(settings, base, service=Service.LWM2M)
        )
        scene = Scene(
            base.account, settings.buckets, replaces=settings.lwm2m_identity_may_change
        )

        def listener(transport: Transport[Peer]) -> Listener[Peer]:
            return Listener(
                transport,
                base.store,
                scene,
                batch=settings.lwm2m_batch,
                backlog=settings.lwm2m_backlog,
                recorded=base.relay.recorded,
            )

        yield await stack.enter_async_context(
            ports.opened(
                settings,
                security,
                listener,
                service=Service.LWM2M,
                numbers=ports.Numbers(
                    coap=settings.lwm2m_coap_port,
                    coap_tcp=settings.lwm2m_coap_tcp_port,
                    coaps=settings.lwm2m_coaps_port,
                    coaps_tcp=settings.lwm2m_coaps_tcp_port,
                ),
            )
        )
