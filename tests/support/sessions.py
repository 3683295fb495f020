"""A store as one edge sees it, and the operations of a device that tests play."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from homeport import names
from homeport.events import facts
from homeport.events.facts import AnyFact
from homeport.identity import NOBODY
from homeport.names import AccountId, DeviceId, EdgeId, EndpointName
from homeport.protocol import device_requests
from homeport.protocol.device_requests import DeviceRequest, Method
from homeport.store import connection, operations
from homeport.store.clock import StoreClock
from homeport.store.connection import Connection
from homeport.store.edges import EdgeRegistry
from homeport.store.operations import Operation, Outcome
from homeport.store.outbox import Outbox
from homeport.store.requests import Enqueue
from homeport.store.sessions import SessionStore

ACCOUNT = AccountId("a" * 32)
RESOURCES = '[{"path":"/3/0","obs":false},{"path":"/3/0/9","obs":true}]'
BUCKETS = 8


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge's view of the store."""

    redis: Connection
    clock: StoreClock
    registry: EdgeRegistry
    sessions: SessionStore
    outbox: Outbox
    identity: EdgeId

    async def do(self, *batch: Operation, age: float = 0) -> list[Outcome]:
        """Execute operations whose datagrams arrived ``age`` seconds ago."""
        return await self.sessions.execute(batch, arrived=self.clock.now() - age)

    async def facts(self) -> list[AnyFact]:
        """Read everything that waits in the outboxes, oldest first in each bucket."""
        share = await self.outbox.collect(range(BUCKETS), {}, most=100_000)
        await self.outbox.release(range(BUCKETS))
        return [facts.parse(entry.body) for entry in share.entries]

    async def facts_of(self, device: DeviceId) -> list[AnyFact]:
        """Read what waits in the outbox of one device."""
        return [fact for fact in await self.facts() if fact.device_id == device]


@asynccontextmanager
async def edge(url: str, *, outbox_limit: int = 10_000) -> AsyncIterator[Edge]:
    """Connect one more edge to a store."""
    redis = await connection.connect(url)
    loop = asyncio.get_running_loop()
    clock = StoreClock(loop.time)
    registry = EdgeRegistry(redis, clock)
    identity = names.new_edge_id("lwm2m")
    await registry.look()
    sessions = SessionStore(
        redis, clock, edge=identity, buckets=BUCKETS, outbox_limit=outbox_limit
    )
    try:
        yield Edge(redis, clock, registry, sessions, Outbox(redis, identity), identity)
    finally:
        await redis.aclose()


@dataclass(frozen=True, slots=True)
class Device:
    """A device that tests play: its operations, one message id after another."""

    endpoint_name: EndpointName
    account: AccountId = ACCOUNT
    peer: str = "127.0.0.1:40000"

    @property
    def id(self) -> DeviceId:
        """What applications call it."""
        return names.device_id(self.account, self.endpoint_name)

    @property
    def bucket(self) -> int:
        """Where its keys lie."""
        return names.bucket(self.id, BUCKETS)

    def register(self, message_id: int, **changes: object) -> operations.Register:
        """Register with defaults that pass."""
        return operations.Register(
            bucket=self.bucket,
            device=self.id,
            exchange=f"{self.peer}#{message_id}",
            identity=NOBODY.name,
            account=self.account,
            endpoint_name=self.endpoint_name,
            registration=names.new_registration_id(self.id),
            profile="lwm2m-1.1",
            lifetime=60,
            binding="U",
            queue_mode=0,
            version="1.1",
            endpoint_type="default",
            parameters="{}",
            peer=self.peer,
            resources=RESOURCES,
        )._replace(**changes)

    def refresh(self, message_id: int, location: str) -> operations.Refresh:
        """Say that it is still there."""
        return operations.Refresh(
            bucket=self.bucket,
            device=self.id,
            exchange=f"{self.peer}#{message_id}",
            identity=NOBODY.name,
            location=location,
            account="",
            peer=self.peer,
        )

    def update(
        self, message_id: int, location: str, **changes: object
    ) -> operations.Update:
        """Change something."""
        return operations.Update(
            bucket=self.bucket,
            device=self.id,
            exchange=f"{self.peer}#{message_id}",
            identity=NOBODY.name,
            location=location,
            account="",
            peer=self.peer,
        )._replace(**changes)

    def deregister(self, message_id: int, location: str) -> operations.Deregister:
        """Leave."""
        return operations.Deregister(
            bucket=self.bucket,
            device=self.id,
            exchange=f"{self.peer}#{message_id}",
            identity=NOBODY.name,
            location=location,
            account="",
        )

    def enqueue(self, request: str, **changes: object) -> Enqueue:
        """Be asked for something."""
        asked = DeviceRequest(request, "key", f"async-{request}", Method.GET, "/3/0/0")
        return Enqueue(
            bucket=self.bucket,
            device=self.id,
            account=self.account,
            request=request,
            head=device_requests.head(asked),
            body=device_requests.build(asked),
            expires_at=2**45,
            most=20,
        )._replace(**changes)

    def bootstrap(self, message_id: int, attempt: str) -> operations.Bootstrap:
        """Ask for credentials."""
        return operations.Bootstrap(
            bucket=self.bucket,
            device=self.id,
            exchange=f"{self.peer}#{message_id}",
            account=self.account,
            endpoint_name=self.endpoint_name,
            attempt=attempt,
        )

    def bootstrapped(self, attempt: str) -> operations.Bootstrapped:
        """Have everything that was to be written."""
        return operations.Bootstrapped(
            bucket=self.bucket,
            device=self.id,
            attempt=attempt,
            account=self.account,
            endpoint_name=self.endpoint_name,
            fact="device.bootstrapped",
            body="",
        )

    def refuse(self, fact: str = "registration.refused") -> operations.Refuse:
        """Be refused."""
        return operations.Refuse(
            bucket=self.bucket,
            device=self.id,
            account=self.account,
            endpoint_name=self.endpoint_name,
            fact=fact,
            body=',"reason":"wrong","fingerprint":"ab","step":"","code":""',
        )


def device(name: str = "urn:dev:1") -> Device:
    """Make a device by its name."""
    return Device(names.parse_endpoint_name(name))


def mark(association: int, sequence: int) -> str:
    """Mark a record of an association as the DTLS listener does."""
    return f"{association:028x}{sequence:012x}"


def fact_names(facts_: Sequence[AnyFact]) -> list[str]:
    """Return what happened, in order."""
    return [fact.name.value for fact in facts_]
