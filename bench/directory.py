"""A directory of a million devices: read, listed and kept up to date at once."""

import asyncio
import gc
import random
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.inventory import DEVICES, fill, identity
from bench.processes import (
    ACCOUNT,
    SECRET,
    cpu_seconds,
    free_port,
    process,
    servers,
    serving,
)
from homeport.events import facts, publisher, subjects
from homeport.events.client import BusClient
from homeport.events.cloudevents import Envelope
from homeport.events.facts import DeviceRegistered, Resource
from homeport.identity import Service
from homeport.keyring import Keyring
from homeport.names import AccountId, DeviceId
from homeport.runtime import addresses, bus, database
from homeport.runtime.embedded import EmbeddedServers
from homeport.store import connection
from services.directory.credentials.authority_store import AuthorityStore
from services.directory.handlers import project
from services.directory.schema import MIGRATIONS, SCHEMA
from services.directory.store import DeviceStore
from services.directory.trust.projection import projecting

READS = 2_000
LISTS = 30
PAGE = 100
FACTS_A_SECOND = 1_000
TURN_SECONDS = 0.1
MOST_TURNS = 900
BULK = 50_000
BATCH = 500
WORKERS = 2
"""As many as there are replicas."""

READ_WANTED = 0.010
LIST_WANTED = 0.050
BULK_WANTED = 10_000
CATCHING_UP_WANTED = 5_000

KEY = "ak_1" + "c" * 60
FILTERS = (
    "",
    "state__eq=registered",
    "state__eq=deregistered",
    "endpoint_name__eq=bench-4711",
    "endpoint_type__eq=kettle-7",
    "endpoint_type__eq=none",
    "device_execution_mode__eq=1",
    "serial_number__eq=4711",
    "name__in=hall,kitchen",
    "custom_attributes__site=hall",
    "lifecycle_status__eq=blocked",
    "operator_suspended__eq=true",
    "device_key__eq=none",
    "ca_id__eq=none",
    "connector_expiration_date__lte=2026-01-03",
    "bootstrapped_timestamp__gte=2027-01-01T00:00:00Z",
    "state__eq=registered&endpoint_type__eq=kettle-7&order=DESC",
)


async def measure() -> bool:
    """Print the figures; return whether they are as wanted."""
    async with servers() as started, _engine(started) as engine:
        await fill(started.postgres_url)
        await _write_trust_view(engine, started.redis_url)
        reads, lists = await _measure_serving(started)
        bulk = await _measure_bulk(engine)
        caught_up = await _measure_catching_up(started)
    slowest = max(lists.values())
    return (
        reads < READ_WANTED
        and slowest < LIST_WANTED
        and bulk >= BULK_WANTED
        and caught_up >= CATCHING_UP_WANTED
    )


@asynccontextmanager
async def _engine(started: EmbeddedServers) -> AsyncIterator[AsyncEngine]:
    async with database.connections(
        started.postgres_url, schema=SCHEMA, migrations=MIGRATIONS
    ) as engine:
        yield engine


async def _write_trust_view(engine: AsyncEngine, redis_url: str) -> None:
    keyring = Keyring.parse(SECRET)
    hosts = dict.fromkeys(Service, ("localhost",))
    await AuthorityStore(engine, keyring, hosts).establish()
    redis = await connection.connect(redis_url)
    begun = time.monotonic()
    await projecting(engine, redis, keyring, buckets=64).keep()
    print(f"the trust view of them: written in {time.monotonic() - begun:.0f} s")
    await redis.aclose()


@dataclass(frozen=True, slots=True)
class Directory:
    """The service under measurement, and a caller of its routes."""

    pid: int
    client: httpx.AsyncClient

    async def time(self, path: str) -> float:
        """Call a route that answers; return how long it took in seconds."""
        begun = time.perf_counter()
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        return time.perf_counter() - begun


@asynccontextmanager
async def _directory(started: EmbeddedServers) -> AsyncIterator[Directory]:
    """Run the service, with its routes, as one process."""
    port, probes = free_port(), free_port()
    async with process(
        *("-m", "homeport", "run", "directory"),
        HOMEPORT_REDIS_URL=started.redis_url,
        HOMEPORT_NATS_URL=started.nats_url,
        HOMEPORT_POSTGRES_URL=started.postgres_url,
        HOMEPORT_DEFAULT_ACCOUNT_ID=ACCOUNT,
        HOMEPORT_DEFAULT_API_KEY=KEY,
        HOMEPORT_SECRET_KEY=SECRET,
        HOMEPORT_HTTP_PORT=str(port),
        HOMEPORT_PROBE_PORT=str(probes),
        HOMEPORT_LOG_LEVEL="warning",
    ) as pid:
        await serving(probes)
        async with httpx.AsyncClient(
            base_url=addresses.url("http", "127.0.0.1", port),
            headers={"authorization": f"Bearer {KEY}"},
            trust_env=False,
        ) as client:
            yield Directory(pid, client)


async def _measure_serving(
    started: EmbeddedServers,
) -> tuple[float, dict[str, float]]:
    """Return the 99th percentile of reading, and of each list, in seconds."""
    async with (
        _directory(started) as api,
        bus.connection(started.nats_url) as nats,
    ):
        happening = asyncio.create_task(_happen(nats, _turns()))
        before, begun = cpu_seconds(api.pid), time.monotonic()
        print(f"while {FACTS_A_SECOND:,} facts/s are projected:")
        reads = await _measure_reads(api)
        lists = {query: await _measure_list(api, query) for query in FILTERS}
        await _measure_pages(api)
        spent = (cpu_seconds(api.pid) - before) / (time.monotonic() - begun)
        print(f"  its process uses {100 * spent:.0f} % of a core")
        assert not happening.done(), "more turns are needed"
        happening.cancel()
    return reads, lists


async def _measure_reads(api: Directory) -> float:
    random.seed(1)
    paths = [
        f"/v3/devices/{identity(random.randint(1, DEVICES))}" for _ in range(READS)
    ]
    spent = sorted([await api.time(path) for path in paths])
    print(f"  GET by id: {_shown(spent)}")
    return _percentile(spent, 99)


async def _measure_list(api: Directory, query: str) -> float:
    path = f"/v3/devices?limit={PAGE}&{query}"
    spent = sorted([await api.time(path) for _ in range(LISTS)])
    print(f"  a page of {PAGE}, {query or 'of all'}: {_shown(spent)}")
    return _percentile(spent, 99)


async def _measure_pages(api: Directory) -> None:
    """Compare the first page with the 100,000th, and count."""
    small, far = 10, 100_000
    for number in (1, far):
        after = f"&after={identity((number - 1) * small)}" if number > 1 else ""
        path = f"/v3/devices?limit={small}{after}"
        spent = sorted([await api.time(path) for _ in range(LISTS)])
        print(f"  page {number:,} of {small}: {_shown(spent)}")
    for query in ("", "&state__eq=registered"):
        path = f"/v3/devices?limit=2&include=total_count{query}"
        spent = sorted([await api.time(path) for _ in range(5)])
        print(f"  counted, {query[1:] or 'all'}: {_shown(spent)}")


async def _measure_bulk(engine: AsyncEngine) -> float:
    stored = DeviceStore(engine)
    waiting = [list(batch) for batch in _batches(BULK, 1)]

    async def work() -> None:
        while waiting:
            await project(waiting.pop(), stored=stored)

    before, begun = time.process_time(), time.monotonic()
    await asyncio.gather(*(work() for _ in range(WORKERS)))
    used, spent = time.process_time() - before, time.monotonic() - begun
    print(
        f"in bulk, {WORKERS} batches at once: {BULK / spent:,.0f} facts/s "
        f"({BULK / used:,.0f} a CPU second of Python)"
    )
    return BULK / spent


async def _measure_catching_up(started: EmbeddedServers) -> float:
    async with bus.connection(started.nats_url) as nats:
        for batch in _batches(BULK, 2):
            await publisher.publish(nats, [_envelope(fact) for fact in batch])
        begun = time.monotonic()
        async with _directory(started):
            ready = time.monotonic() - begun
            await _drained(nats.jetstream())
            spent = time.monotonic() - begun
    rate = BULK / (spent - ready)
    print(f"after an outage: {rate:,.0f} facts/s, start of {ready:.1f} s not counted")
    return rate


async def _drained(jetstream: JetStreamContext) -> None:
    while True:
        state = await jetstream.consumer_info(
            subjects.STREAM, subjects.DIRECTORY_DURABLE
        )
        if not state.num_pending and not state.num_ack_pending:
            return
        await asyncio.sleep(0.05)


def _turns() -> Sequence[Sequence[Envelope]]:
    """Make what happens, ahead of time: the caller shares this process."""
    count = int(FACTS_A_SECOND * TURN_SECONDS)
    made = [
        [
            _envelope(_registered(device * 7, turn))
            for device in range(turn * count, (turn + 1) * count)
        ]
        for turn in range(1, MOST_TURNS)
    ]
    gc.freeze()
    return made


async def _happen(nats: BusClient, turns: Sequence[Sequence[Envelope]]) -> None:
    """Let devices register until cancelled."""
    clock = asyncio.get_running_loop()
    begun = clock.time()
    for number, told in enumerate(turns, 1):
        await publisher.publish(nats, told)
        await asyncio.sleep(max(0.0, begun + number * TURN_SECONDS - clock.time()))


def _batches(count: int, turn: int) -> Iterable[Sequence[DeviceRegistered]]:
    for first in range(0, count, BATCH):
        yield [
            _registered(first + each, 1_000_000 * turn + first) for each in range(BATCH)
        ]


def _registered(device: int, turn: int) -> DeviceRegistered:
    number = device % DEVICES + 1
    now = datetime.now(UTC)
    return DeviceRegistered(
        id=f"{identity(number)}.{turn}",
        time=now,
        revision=int(now.timestamp() * 1e6) + number,
        account_id=ACCOUNT,
        device_id=identity(number),
        endpoint_name=f"bench-{number}",
        registration_id="r",
        lifetime=3600,
        expires_at=now,
        binding="U",
        queue_mode=False,
        lwm2m_version="1.1",
        endpoint_type=f"kettle-{number % 50}",
        profile="standard",
        resources=(Resource(path="/3/0"),),
    )


def _envelope(fact: DeviceRegistered) -> Envelope:
    return Envelope(
        fact.id,
        fact.name,
        AccountId(fact.account_id),
        DeviceId(fact.device_id),
        fact.time.isoformat(),
        facts.build(fact),
    )


def _percentile(ordered: Sequence[float], percent: int) -> float:
    return ordered[(len(ordered) - 1) * percent // 100]


def _shown(ordered: Sequence[float]) -> str:
    return ", ".join(
        f"p{percent} {1000 * _percentile(ordered, percent):.1f} ms"
        for percent in (50, 99)
    )
