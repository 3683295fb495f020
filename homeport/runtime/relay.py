"""From the outbox to the bus: each bucket in its own order, by one publisher at a time.

The living edges share the buckets among them without talking: each computes the same
owners from the same list of edges, and a lease in Redis settles what they disagree on.
Where devices register, most events are recorded, so those edges publish, and the others
only while there is none of them.
"""

import asyncio
import hashlib
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Sequence,
)
from contextlib import asynccontextmanager, suppress

import structlog
from prometheus_client import Counter, Histogram

from homeport.errors import Unavailable
from homeport.events import bounds, publisher
from homeport.events.client import BusClient
from homeport.events.cloudevents import Envelope
from homeport.events.facts import FactName
from homeport.events.streams import StreamLimits
from homeport.identity import Service
from homeport.names import AccountId, DeviceId, EdgeId, service_of
from homeport.runtime import bus, traces
from homeport.runtime.bells import Bells, bells
from homeport.runtime.tasks import end, vital
from homeport.store.edges import EdgeRegistry
from homeport.store.outbox import Entry, Outbox

BEAT_SECONDS = 1.0
POLL_SECONDS = 0.2
"""How late an event may be of which nobody rings, or whose bell was not heard."""
GATHER_SECONDS = 0.005
"""How long a round waits for company under load: fuller batches cost less each."""
MAX_BATCH_BYTES = 8 * 2**20
"""Events of one batch, unless a single one has more."""
RETRY_SECONDS = 0.5
DRAIN_SECONDS = 5.0

PUBLISHED = Counter("homeport_events_published_total", "Events the bus acknowledged.")
ROUNDS = Histogram(
    "homeport_publish_batch_size",
    "Events published with one acknowledgement.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)
OVERSIZED = Counter(
    "homeport_events_oversized_total",
    "Events that were too large for the bus, and said less or nothing there.",
)
FAULTS = Counter("homeport_publish_faults_total", "Rounds that have to be repeated.")

_log = structlog.get_logger()


class Relay:
    """Publishes outboxes; what it does not manage stays where it is."""

    def __init__(self, outbox: Outbox, nats: BusClient) -> None:
        self._outbox = outbox
        self._nats = nats
        self._acknowledged: dict[int, str] = {}

    async def round(self, wanted: Sequence[int]) -> int:
        """Publish up to a batch from the wanted buckets; return how many events.

        Raises Unavailable when Redis or NATS is away. Repeating is harmless: the bus
        knows an event by its id.
        """
        share = await self._outbox.collect(
            wanted, self._take_acknowledged(wanted), most=publisher.MAX_BATCH
        )
        entries = _portion(share.entries)
        envelopes = self._bounded(map(_envelope, entries))
        with traces.publishing(envelopes) as told:
            await publisher.publish(self._nats, told)
        for entry in entries:
            self._acknowledged[entry.bucket] = entry.position
        count = len(entries)
        if count:
            PUBLISHED.inc(count)
            ROUNDS.observe(count)
        return count

    def untrimmed(self) -> Collection[int]:
        """Return the buckets that still hold what the bus has."""
        return self._acknowledged.keys()

    async def settle(self, buckets: Sequence[int]) -> int:
        """Publish all there is, trim it, let go of the leases; return the count."""
        events = 0
        while count := await self.round(buckets):
            events += count
        await self._outbox.release(buckets)
        return events

    async def leave(self, buckets: Sequence[int]) -> None:
        """Trim what the bus has and let go of the leases; the rest is for others."""
        await self._outbox.collect(buckets, self._take_acknowledged(buckets), most=0)
        await self._outbox.release(buckets)

    def _bounded(self, envelopes: Iterable[Envelope]) -> list[Envelope]:
        """Leave out or shorten what the server would refuse, whatever it is told."""
        bounded = []
        for envelope in envelopes:
            fitting = bounds.bounded(envelope, self._nats.max_payload)
            if fitting is not envelope:
                OVERSIZED.inc()
                _log.error(
                    "event too large for the bus",
                    fact=envelope.fact.value,
                    id=envelope.id,
                    bytes=len(envelope.body),
                    shortened=fitting is not None,
                )
            if fitting is not None:
                bounded.append(fitting)
        return bounded

    def _take_acknowledged(self, buckets: Sequence[int]) -> dict[int, str]:
        return {
            bucket: self._acknowledged.pop(bucket)
            for bucket in buckets
            if bucket in self._acknowledged
        }


class EdgeRelay:
    """The relay of a living edge: beats, takes its share of buckets, publishes it.

    It needs Redis to start and nothing else: while NATS is away, devices go on and the
    outboxes wait.
    """

    def __init__(
        self,
        outbox: Outbox,
        registry: EdgeRegistry,
        edge: EdgeId,
        *,
        nats_url: str,
        buckets: int,
        registers: bool,
        stream: StreamLimits | None = None,
    ) -> None:
        self._outbox = outbox
        self._registry = registry
        self._edge = edge
        self._nats_url = nats_url
        self._stream = stream
        self._buckets = buckets
        self._registers = registers
        self._wanted: list[int] = []
        self._held: frozenset[int] = frozenset()
        self._recorded = asyncio.Event()
        self._rung: set[int] = set()
        self._sweep_at = 0.0
        self._relay: Relay | None = None
        self._bells: Bells | None = None

    def recorded(self, buckets: Collection[int]) -> None:
        """Say that this edge has just put events into the outboxes of buckets."""
        if not buckets:
            return
        self._hear(buckets)
        if self._bells is not None:
            self._bells.ring(buckets)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Entered: the edge lives and publishes. Left: its outboxes are empty."""
        await self._beat()
        tasks = [
            vital(_persist(self._beat, pause=_until_next_beat)),
            vital(self._publish()),
        ]
        try:
            yield
        finally:
            await end(tasks[0])
            await self._leave()
            await end(tasks[1])

    async def _publish(self) -> None:
        while True:
            try:
                async with (
                    bus.connection(self._nats_url, self._stream) as nats,
                    bells(nats, self._hear) as self._bells,
                ):
                    self._relay = Relay(self._outbox, nats)
                    await _persist(self._round, pause=self._pause)
            except Unavailable as error:
                _log.warning("outbox waits", reason=str(error))
                await asyncio.sleep(RETRY_SECONDS)

    async def _leave(self) -> None:
        try:
            await self._registry.leave(self._edge)
            wanted, self._wanted = self._wanted, []
            self._held = frozenset()
            if self._relay is not None:
                async with asyncio.timeout(DRAIN_SECONDS):
                    await self._relay.settle(wanted)
        except (Unavailable, TimeoutError) as error:
            _log.warning("outbox left to others", reason=str(error))

    async def _beat(self) -> int:
        beats = await self._registry.beat(self._edge, registers=self._registers)
        wanted = share(self._edge, beats.edges, self._buckets)
        if wanted != self._wanted:
            self._wanted, self._sweep_at = wanted, 0.0
            self._recorded.set()
        return 0

    def _hear(self, buckets: Collection[int]) -> None:
        self._rung.update(buckets)
        self._recorded.set()

    async def _round(self) -> int:
        self._recorded.clear()
        if self._relay is None or self._bells is None:
            return 0
        wanted = self._wanted
        if lost := self._held.difference(wanted):
            await self._relay.leave(sorted(lost))  # a new edge need not wait for them
        self._held = frozenset(wanted)
        await self._bells.listen(self._held)
        return await self._look(self._relay, wanted)

    async def _look(self, relay: Relay, wanted: list[int]) -> int:
        """Publish what buckets hold that have rung, and from time to time what all do.

        Where that fails, or there is more than a batch, all are looked at next.
        """
        now = asyncio.get_running_loop().time()
        sweep_at, self._sweep_at = self._sweep_at, 0.0
        rung, self._rung = self._rung, set()
        if now >= sweep_at:
            rung, sweep_at = set(wanted), now + POLL_SECONDS
        rung.update(relay.untrimmed())
        looking = [bucket for bucket in wanted if bucket in rung]
        published = await relay.round(looking) if looking else 0
        if published < publisher.MAX_BATCH:
            self._sweep_at = sweep_at
        return published

    async def _pause(self, published: int) -> None:
        if published >= publisher.MAX_BATCH:
            return
        if published:
            await asyncio.sleep(GATHER_SECONDS)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._recorded.wait()


async def _until_next_beat(_: int) -> None:
    await asyncio.sleep(BEAT_SECONDS)


async def _persist(
    work: Callable[[], Awaitable[int]], *, pause: Callable[[int], Awaitable[None]]
) -> None:
    """Repeat some work for ever; a server that is away is said once, then awaited."""
    away = False
    while True:
        try:
            done = await work()
        except Unavailable as error:
            FAULTS.inc()
            if not away:
                _log.warning("outbox waits", reason=str(error))
            away = True
            await asyncio.sleep(RETRY_SECONDS)
            continue
        if away:
            _log.info("outbox goes on")
        away = False
        await pause(done)


def share(edge: EdgeId, edges: Iterable[EdgeId], buckets: int) -> list[int]:
    """Return the buckets of an edge: those for which its hash is the highest.

    Rendezvous hashing: when an edge comes or goes, only its own buckets move.
    """
    candidates = _publishers({edge, *edges})
    return [
        bucket
        for bucket in range(buckets)
        if max(candidates, key=lambda candidate: _weight(candidate, bucket)) == edge
    ]


def _publishers(edges: Iterable[EdgeId]) -> list[EdgeId]:
    """Return those at which devices register; all edges where none of them lives."""
    living = sorted(edges)
    registering = [edge for edge in living if service_of(edge) == Service.LWM2M]
    return registering or living


def _portion(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Return the first of some entries, as many as may go at once."""
    total = 0
    for count, entry in enumerate(entries):
        total += len(entry.body)
        if count and total > MAX_BATCH_BYTES:
            return entries[:count]
    return entries


def _weight(edge: EdgeId, bucket: int) -> bytes:
    return hashlib.blake2b(f"{edge} {bucket}".encode(), digest_size=8).digest()


def _envelope(entry: Entry) -> Envelope:
    event, fact, account, time = entry.head.decode().split(" ")
    return Envelope(
        event,
        _FACTS[fact],
        AccountId(account),
        DeviceId(event.partition(".")[0]),
        time,
        entry.body,
    )


_FACTS = {fact.value: fact for fact in FactName}
