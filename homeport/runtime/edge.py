"""What the two CoAP edges have in common below their protocol."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from homeport import names
from homeport.errors import InvalidConfiguration
from homeport.names import AccountId
from homeport.runtime.config import EdgeSettings
from homeport.runtime.probes import Probes
from homeport.runtime.relay import EdgeRelay
from homeport.store import connection
from homeport.store.clock import StoreClock
from homeport.store.edges import EdgeRegistry
from homeport.store.outbox import Outbox
from homeport.store.sessions import SessionStore


@dataclass(frozen=True, slots=True)
class Ground:
    """What an edge stands on: its store, its relay, and whose devices come."""

    store: SessionStore
    relay: EdgeRelay
    account: AccountId


@asynccontextmanager
async def ground(
    settings: EdgeSettings, probes: Probes, *, service: str, registers: bool
) -> AsyncIterator[Ground]:
    """Entered: the edge is among the living. Left: its outboxes are published.

    ``registers`` where devices register, which is what ends an outage (B-108). Raises
    Unavailable while Redis is away; NATS may be.
    """
    account = _account(settings)
    identity = names.new_edge_id(service)
    async with AsyncExitStack() as stack:
        redis = await connection.connect(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        clock = StoreClock(asyncio.get_running_loop().time)
        registry = EdgeRegistry(redis, clock)
        relay = EdgeRelay(
            Outbox(redis, identity),
            registry,
            identity,
            nats_url=settings.nats_url,
            buckets=settings.buckets,
            registers=registers,
        )
        store = SessionStore(redis, clock, edge=identity, buckets=settings.buckets)
        await stack.enter_async_context(relay.running())
        probes.add("redis", lambda: connection.check(redis))
        yield Ground(store, relay, account)


def _account(settings: EdgeSettings) -> AccountId:
    if settings.default_account_id is None:
        raise InvalidConfiguration(
            "HOMEPORT_DEFAULT_ACCOUNT_ID",
            "is needed: whose are devices that name none?",
        )
    return settings.default_account_id
