"""What the two CoAP edges have in common below their protocol."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from homeport import names
from homeport.coap.udp import Address, UdpTransport
from homeport.errors import InvalidConfiguration
from homeport.names import AccountId
from homeport.runtime import addresses
from homeport.runtime.config import EdgeSettings
from homeport.runtime.probes import Probes
from homeport.runtime.relay import EdgeRelay
from homeport.runtime.tasks import vital
from homeport.store import connection
from homeport.store.clock import StoreClock
from homeport.store.edges import EdgeRegistry
from homeport.store.outbox import Outbox
from homeport.store.sessions import SessionStore

DRAIN_SECONDS = 5.0


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


class Listener(Protocol):
    """What an edge puts behind a port."""

    def receive(
        self, datagrams: Sequence[tuple[bytes, Address]], arrived: float
    ) -> None:
        """Take what one wake-up of the loop delivered."""

    async def run(self) -> None:
        """Serve until closed, and until all that came is answered."""

    def close(self) -> None:
        """Let `run` end."""


@asynccontextmanager
async def listening(
    host: str, port: int, make: Callable[[UdpTransport], Listener]
) -> AsyncIterator[Mapping[str, str]]:
    """Entered: a plain CoAP port is open; yields its URL by its scheme.

    Left: all that came through it is answered, or its time to drain is over. Raises
    InvalidConfiguration where the port is taken.
    """
    transport = UdpTransport.bind(host, port, reuse_port=True)
    listener = make(transport)
    transport.start(listener.receive)
    serving = vital(listener.run())
    try:
        yield {"coap": addresses.url("coap", host, transport.address[1])}
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
