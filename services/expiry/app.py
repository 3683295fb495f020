"""The expiry service, put together."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from homeport import names
from homeport.errors import Unavailable
from homeport.runtime import bus
from homeport.runtime.probes import Probes
from homeport.runtime.relay import Relay
from homeport.runtime.tasks import end, vital
from homeport.store import connection
from homeport.store.clock import StoreClock
from homeport.store.edges import EdgeRegistry
from homeport.store.outbox import Outbox
from homeport.store.sessions import SessionStore
from services.expiry import handlers, observability
from services.expiry.bus import broker
from services.expiry.config import ExpirySettings
from services.expiry.handlers import LONGEST_SLEEP_SECONDS, Alarm, Patience
from services.expiry.survey import Survey

SETTINGS = ExpirySettings


@asynccontextmanager
async def service(
    settings: ExpirySettings, probes: Probes
) -> AsyncIterator[Mapping[str, str]]:
    """Entered: sweeping and healing. Left: the current turn is over."""
    identity = names.new_edge_id("expiry")
    patience = Patience(
        grace=int(settings.expiry_grace_seconds * 1000),
        outage_grace=int(settings.expiry_outage_grace_seconds * 1000),
    )
    loop = asyncio.get_running_loop()
    alarm = Alarm()
    async with AsyncExitStack() as stack:
        redis = await connection.connect(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        clock = StoreClock(loop.time)
        registry = EdgeRegistry(redis, clock)
        await registry.look()
        store = SessionStore(redis, clock, edge=identity, buckets=settings.buckets)
        outbox = Outbox(redis, identity)
        nats = await stack.enter_async_context(
            bus.connection(settings.nats_url, settings.stream)
        )
        relay = Relay(outbox, nats)
        facts = broker(settings.nats_url, alarm, patience)
        await facts.start()
        stack.push_async_callback(facts.stop)
        probes.add("redis", lambda: connection.check(redis))
        probes.add("nats", lambda: bus.check(nats))

        async def turn(vacant: frozenset[int]) -> tuple[float | None, frozenset[int]]:
            beats = await registry.look()
            due = await handlers.sweep(
                store,
                beats,
                buckets=settings.buckets,
                batch=settings.expiry_batch,
                patience=patience,
            )
            return due, await handlers.heal(
                relay, outbox, vacant, buckets=settings.buckets
            )

        async def turns() -> None:
            vacant: frozenset[int] = frozenset()
            while True:
                due: float | None = None
                try:
                    due, vacant = await turn(vacant)
                except Unavailable as error:
                    observability.record_away(str(error))
                pause = LONGEST_SLEEP_SECONDS if due is None else due
                await alarm.sleep_until(loop.time() + min(pause, LONGEST_SLEEP_SECONDS))

        survey = Survey(redis, clock, nats.jetstream(), buckets=settings.buckets)
        for work in (turns(), survey.run()):
            stack.push_async_callback(end, vital(work))
        yield {}
