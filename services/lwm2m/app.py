"""The lwm2m edge, put together."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from homeport.coap.transport import Peer, Transport
from homeport.identity import Service
from homeport.runtime import ports, secured
from homeport.runtime.edge import ground
from homeport.runtime.probes import Probes
from homeport.runtime.tasks import end, vital
from services.lwm2m.asked import Scene
from services.lwm2m.coap import Listener
from services.lwm2m.config import LwM2MSettings
from services.lwm2m.enrolling import Signer
from services.lwm2m.kinds import KnownKinds
from services.lwm2m.listeners import Listeners
from services.lwm2m.pokes import Pokes
from services.lwm2m.ports import Place
from services.lwm2m.recalls import Recalls
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
        signer = Signer(security.installation, days=settings.credential_days)
        security.renewed.append(signer.renew)
        scene = Scene(
            base.account,
            settings.buckets,
            replaces=settings.lwm2m_identity_may_change,
            awake_seconds=settings.lwm2m_awake_seconds,
            signer=signer,
        )
        kinds = KnownKinds(security.reader)
        security.changed.append(kinds.hear)
        withdrawals = Withdrawals(base)
        security.withdrawn.append(withdrawals.hear)
        stack.push_async_callback(end, vital(withdrawals.run()))
        listeners = Listeners()
        recalls = Recalls(
            base,
            listeners,
            buckets=settings.buckets,
            awake_seconds=scene.awake_seconds,
        )
        pokes = Pokes(
            base.edge, recalls, nats_url=settings.nats_url, stream=settings.stream
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
            listeners.add(made)
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
        stack.push_async_callback(listeners.drain)
        await stack.enter_async_context(recalls.running())
        yield urls
