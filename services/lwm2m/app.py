"""The lwm2m edge, put together."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from homeport.coap.transport import Peer, Transport
from homeport.identity import Service
from homeport.names import DeviceId
from homeport.runtime import ports, secured
from homeport.runtime.edge import ground
from homeport.runtime.probes import Probes
from homeport.runtime.tasks import end, vital
from services.lwm2m.asked import Scene
from services.lwm2m.coap import Listener
from services.lwm2m.config import LwM2MSettings
from services.lwm2m.kinds import KnownKinds
from services.lwm2m.pokes import Pokes
from services.lwm2m.ports import Place
from services.lwm2m.withdrawals import Withdrawals

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
            base.account,
            settings.buckets,
            replaces=settings.lwm2m_identity_may_change,
            awake_seconds=settings.lwm2m_awake_seconds,
        )
        kinds = KnownKinds(security.reader)
        security.changed.append(kinds.hear)
        withdrawals = Withdrawals(base)
        security.withdrawn.append(withdrawals.hear)
        stack.push_async_callback(end, vital(withdrawals.run()))
        listeners: list[Listener[Any]] = []

        def wake(device: DeviceId) -> bool:
            reached = [
                (contact.heard, number)
                for number, each in enumerate(listeners)
                if (contact := each.downlink.contacts.get(device)) is not None
            ]
            if not reached:
                return False
            _, latest = max(reached)
            return listeners[latest].downlink.wake(device)

        pokes = Pokes(
            base.edge, wake, nats_url=settings.nats_url, stream=settings.stream
        )
        place = Place(
            base.edge,
            base.store.bucket,
            pokes.poke,
            lambda: base.clock.microseconds(base.clock.now()) // 1000,
        )

        def listener(transport: Transport[Peer]) -> Listener[Peer]:
            made = Listener(
                transport,
                base.store,
                scene,
                place,
                batch=settings.lwm2m_batch,
                backlog=settings.lwm2m_backlog,
                recorded=base.relay.recorded,
                kinds=kinds,
            )
            listeners.append(made)
            return made

        urls = await stack.enter_async_context(
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
        stack.push_async_callback(end, vital(pokes.run()))

        async def drain() -> None:
            await asyncio.gather(*(each.drain() for each in listeners))

        stack.push_async_callback(drain)
        yield urls
