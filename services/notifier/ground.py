"""What the notifier's service and its REST routes both stand on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine

from homeport import names
from homeport.errors import Unavailable
from homeport.events.client import BusClient
from homeport.names import EdgeId
from homeport.runtime import bus, database
from homeport.runtime.bells import ring
from homeport.runtime.tasks import end, vital
from homeport.store import connection
from homeport.store.clock import StoreClock
from homeport.store.connection import Connection
from homeport.store.definitions import DefinitionReader
from homeport.store.edges import EdgeRegistry
from homeport.store.queue import RequestQueue
from homeport.store.sessions import SessionStore
from services.notifier import observability
from services.notifier.channels.addressees import Addressees
from services.notifier.channels.inboxes import Inboxes
from services.notifier.channels.interests import Interests
from services.notifier.config import NotifierSettings
from services.notifier.device_requests.endpoints import Endpoints
from services.notifier.device_requests.open_requests import OpenRequests
from services.notifier.device_requests.requests import Requests
from services.notifier.schema import MIGRATIONS, SCHEMA
from services.notifier.stream.inbox import Sources, sources
from services.notifier.subscriptions.observing import Observing
from services.notifier.subscriptions.subscription_store import SubscriptionStore

CLOCK_SECONDS = 10.0
"""How often the store's clock is read; two clocks drift apart."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The servers, and what is kept on them besides channels."""

    identity: EdgeId
    redis: Connection
    nats: BusClient
    engine: AsyncEngine
    clock: StoreClock
    queue: RequestQueue
    open_requests: OpenRequests
    endpoints: Endpoints
    subscriptions: SubscriptionStore
    interests: Interests
    definitions: DefinitionReader
    addressees: Addressees
    requests: Requests
    observing: Observing
    sources: Sources
    inboxes: Inboxes


@asynccontextmanager
async def ground(settings: NotifierSettings) -> AsyncIterator[Ground]:
    """Connect to all servers; raise Unavailable."""
    postgres_url = settings.postgres_url.get_secret_value()
    async with AsyncExitStack() as stack:
        redis = await connection.connect(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        nats = await stack.enter_async_context(
            bus.connection(settings.nats_url, settings.stream)
        )
        engine = await stack.enter_async_context(
            database.connections(
                postgres_url,
                schema=SCHEMA,
                migrations=MIGRATIONS,
                migrate=settings.postgres_migrate,
            )
        )
        direct = await stack.enter_async_context(database.direct(postgres_url))
        clock = StoreClock(asyncio.get_running_loop().time)
        registry = EdgeRegistry(redis, clock)
        await registry.look()
        stack.push_async_callback(end, vital(_keep_time(registry)))
        identity = names.new_edge_id("notifier")
        sessions = SessionStore(redis, clock, edge=identity, buckets=settings.buckets)
        queue = RequestQueue(redis, sessions)
        opened, endpoints = OpenRequests(engine, direct), Endpoints(engine)
        subscriptions = SubscriptionStore(engine)
        interests = Interests(subscriptions.interest)
        definitions = DefinitionReader(redis)
        stream = await stack.enter_async_context(sources(nats, engine))
        poke = partial(bus.poke, nats)
        requests = Requests(
            sessions,
            queue,
            opened,
            endpoints,
            clock=clock,
            poke=poke,
            ring=partial(ring, nats),
        )
        yield Ground(
            identity=identity,
            redis=redis,
            nats=nats,
            engine=engine,
            clock=clock,
            queue=queue,
            open_requests=opened,
            endpoints=endpoints,
            subscriptions=subscriptions,
            interests=interests,
            definitions=definitions,
            addressees=Addressees(interests.of, definitions.of),
            requests=requests,
            observing=Observing(sessions, queue, requests, subscriptions),
            sources=stream,
            inboxes=Inboxes(stream),
        )


async def _keep_time(registry: EdgeRegistry) -> None:
    while True:
        await asyncio.sleep(CLOCK_SECONDS)
        try:
            await registry.look()
        except Unavailable as error:
            observability.record_clock_waits(str(error))
