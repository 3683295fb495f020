"""The bootstrap edge, put together."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from homeport.coap.udp import UdpTransport
from homeport.protocol.bootstrap import Handover
from homeport.runtime.edge import ground, listening
from homeport.runtime.probes import Probes
from services.bootstrap.coap import Listener
from services.bootstrap.config import BootstrapSettings, server_uri
from services.bootstrap.handlers import Scene

SETTINGS = BootstrapSettings

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
        scene = Scene(base.account, settings.buckets, handover)

        def listener(transport: UdpTransport) -> Listener:
            return Listener(
                transport,
                base.store,
                scene,
                patience=settings.bootstrap_patience_seconds,
                most=settings.bootstrap_sessions,
                recorded=base.relay.recorded,
            )

        yield await stack.enter_async_context(
            listening(settings.coap_host, settings.bootstrap_coap_port, listener)
        )


def _handover(settings: BootstrapSettings) -> Handover | None:
    """Return what devices are handed; None where no port is served."""
    if not settings.nosec:
        return None
    return Handover(server_uri(settings), settings.bootstrap_lifetime_seconds)
