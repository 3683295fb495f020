"""What the two CoAP edges have in common below their protocol."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from homeport import names
from homeport.coap.transport import Arrival, Peer, Transport
from homeport.errors import InvalidConfiguration
from homeport.identity import Service
from homeport.names import AccountId, EdgeId
from homeport.runtime.config import EdgeSettings
from homeport.runtime.probes import Probes
from homeport.runtime.relay import EdgeRelay
from homeport.runtime.tasks import vital
from homeport.store import connection
from homeport.store.clock import StoreClock
from homeport.store.connection import Connection
from homeport.store.edges import EdgeRegistry
from homeport.store.outbox import Outbox
from homeport.store.sessions import SessionStore

DRAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Ground:
    """What an edge stands on: its store, its relay, and whose devices come."""

    edge: EdgeId
    redis: Connection
    clock: StoreClock
    store: SessionStore
    relay: EdgeRelay
    account: AccountId


@asynccontextmanager
async def ground(
    settings: EdgeSettings, probes: Probes, *, service: Service
) -> AsyncIterator[Ground]:
    """Entered: the edge is among the living. Left: its outboxes are published.

    Where devices register is what ends an outage (B-108). Raises Unavailable while
    Redis is away; NATS may be.
    """
    account = _account(settings)
    identity = names.new_edge_id(service)
    async with AsyncExitStack() as stack:
        redis = await connection.connect(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        clock = StoreClock(asyncio.get_running_loop().time)
        relay = EdgeRelay(
            Outbox(redis, identity),
            EdgeRegistry(redis, clock),
            identity,
            nats_url=settings.nats_url,
            stream=settings.stream,
            buckets=settings.buckets,
            registers=service is Service.LWM2M,
        )
        store = SessionStore(redis, clock, edge=identity, buckets=settings.buckets)
        await stack.enter_async_context(relay.running())
        probes.add("redis", lambda: connection.check(redis))
        yield Ground(identity, redis, clock, store, relay, account)


class Listener(Protocol[Peer]):
    """What an edge puts behind a port."""

    def receive(self, arrivals: Sequence[Arrival[Peer]], arrived: float) -> None:
        """Take what one wake-up of the loop delivered."""

    def gone(self, peer: Peer) -> None:
        """Hear of a peer that is reached no more."""

    async def run(self) -> None:
        """Serve until closed, and until all that came is answered."""

    def close(self) -> None:
        """Let `run` end."""


@asynccontextmanager
async def listening(
    transport: Transport[Peer], make: Callable[[Transport[Peer]], Listener[Peer]]
) -> AsyncIterator[None]:
    """Entered: what comes through a port is served.

    Left: all that came is answered, or its time to drain is over, and it is closed.
    """
    listener = make(transport)
    transport.start(listener.receive, listener.gone)
    serving = vital(listener.run())
    try:
        yield
    finally:
        transport.stop()
        listener.close()
        await asyncio.wait([serving], timeout=DRAIN_SECONDS)
        serving.cancel()
        transport.close()


def _account(settings: EdgeSettings) -> AccountId:
    if settings.default_account_id is None:
        raise InvalidConfiguration(
            "HOMEPORT_DEFAULT_ACCOUNT_ID",
            "is needed: whose are devices that name none?",
        )
    return settings.default_account_id
