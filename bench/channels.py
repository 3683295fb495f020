"""Channels to which nothing happens, and others: what they cost, how soon they hear."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from bench.processes import (
    SECRET,
    cpu_seconds,
    free_port,
    metric,
    process,
    resident,
    servers,
    serving,
)
from homeport.events import publisher
from homeport.events.client import BusClient
from homeport.events.cloudevents import Envelope
from homeport.events.facts import FactName
from homeport.names import AccountId, DeviceId
from homeport.runtime import addresses, bus
from homeport.runtime.embedded import EmbeddedServers

CHANNELS = 10_000
FEW = 1_000
"""So many are there before it is measured what more of them cost."""
WOKEN = 100
SETTLING_SECONDS = 8
"""So long new ones are looked at once more."""
IDLE_SECONDS = 10
BYTES_WANTED = 5_000
LIVE = 1_000
LIVE_SECONDS = 2
"""So long after they were told something they are looked at."""
LIVE_BYTES_WANTED = 64_000
WAKING_WANTED = 0.050


async def measure() -> bool:
    """Return whether a channel costs less, and is woken sooner, than is wanted."""
    idle = await _idle()
    return await _live() and idle


@dataclass(frozen=True, slots=True)
class Site:
    """A notifier on servers of its own, and a webhook that all channels have."""

    started: EmbeddedServers
    nats: BusClient
    notifier: int
    pages: str
    url: str
    arrivals: "asyncio.Queue[float]"

    def resident(self) -> list[int]:
        """Return what the notifier and nats-server have in memory, in bytes."""
        return resident(self.notifier, self.started.processes["nats"])


@asynccontextmanager
async def _site() -> AsyncIterator[Site]:
    probe = free_port()
    async with (
        servers() as started,
        bus.connection(started.nats_url) as nats,
        _receiver() as (url, arrivals),
        _notifier(started, probe) as notifier,
    ):
        pages = addresses.url("http", "127.0.0.1", probe)
        yield Site(started, nats, notifier, pages, url, arrivals)


async def _live() -> bool:
    """Let something happen to many at once, and look what they take."""
    async with _site() as site:
        accounts = await _fill(site.started.postgres_url, site.url, LIVE + WOKEN)
        await _until_resting(site.pages, LIVE + WOKEN)
        await _tell(site.nats, accounts[LIVE:], site.arrivals)
        before = site.resident()
        await _tell(site.nats, accounts[:LIVE], site.arrivals)
        await asyncio.sleep(LIVE_SECONDS)
        after = site.resident()
    pairs = zip(before, after, strict=True)
    notifier, server = ((more - less) / LIVE for less, more in pairs)
    print(f"a live one in the notifier       {notifier:8.0f} bytes")
    print(f"a live one in nats-server        {server:8.0f} bytes")
    return notifier + server < LIVE_BYTES_WANTED


async def _tell(
    nats: BusClient, accounts: Sequence[AccountId], arrivals: "asyncio.Queue[float]"
) -> None:
    await tell(nats, accounts)
    for _ in accounts:
        await arrivals.get()


async def tell(nats: BusClient, accounts: Sequence[AccountId]) -> None:
    """Let something happen to each of some accounts."""
    for begin in range(0, len(accounts), publisher.MAX_BATCH):
        share = accounts[begin : begin + publisher.MAX_BATCH]
        await publisher.publish(nats, [_happened(account) for account in share])


async def _idle() -> bool:
    """Let ten thousand rest, and wake a few."""
    async with _site() as site:
        few = await _fill(site.started.postgres_url, site.url, FEW)
        await _until_resting(site.pages, FEW)
        before = site.resident()
        await _fill(site.started.postgres_url, site.url, CHANNELS - FEW)
        begun = time.monotonic()
        await _until_resting(site.pages, CHANNELS)
        took = time.monotonic() - begun
        after = site.resident()
        await asyncio.sleep(SETTLING_SECONDS)
        used = cpu_seconds(site.notifier)
        await asyncio.sleep(IDLE_SECONDS)
        busy = (cpu_seconds(site.notifier) - used) / IDLE_SECONDS
        waking = await _wake(site.nats, few[:WOKEN], site.arrivals)
        stored = await _stored(site.started.postgres_url)
    pairs = zip(before, after, strict=True)
    costs = [(more - less) / (CHANNELS - FEW) for less, more in pairs]
    total = sum(costs) + stored
    print(f"all {CHANNELS} at rest after         {took:8.1f} s")
    print(f"a channel in the notifier        {costs[0]:8.0f} bytes")
    print(f"a channel in nats-server         {costs[1]:8.0f} bytes")
    print(f"a channel in PostgreSQL's tables {stored:8.0f} bytes")
    print(f"all of them, CPU                 {100 * busy:8.1f} % of a core")
    print(f"told something, median           {1000 * waking:8.1f} ms")
    return total < BYTES_WANTED and waking < WAKING_WANTED


@asynccontextmanager
async def _notifier(started: EmbeddedServers, probe: int) -> AsyncIterator[int]:
    arguments = ("-m", "homeport", "run", "notifier")
    async with process(
        *arguments,
        HOMEPORT_REDIS_URL=started.redis_url,
        HOMEPORT_NATS_URL=started.nats_url,
        HOMEPORT_POSTGRES_URL=started.postgres_url,
        HOMEPORT_SECRET_KEY=SECRET,
        HOMEPORT_WEBHOOK_NETWORKS="127.0.0.0/8",
        HOMEPORT_PROBE_PORT=str(probe),
        HOMEPORT_LOG_LEVEL="error",
    ) as pid:
        await serving(probe)
        yield pid


@asynccontextmanager
async def _receiver() -> AsyncIterator[tuple[str, "asyncio.Queue[float]"]]:
    """Take webhooks, and say when each came."""
    arrivals: asyncio.Queue[float] = asyncio.Queue()

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrivals.put_nowait(time.monotonic())
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield addresses.url("http", "127.0.0.1", port), arrivals


async def _fill(postgres_url: str, url: str, count: int) -> list[AccountId]:
    """Make channels as calls would, each of an account of its own."""
    pairs = [(uuid.uuid4().hex, uuid.uuid4().hex) for _ in range(count)]
    database = await asyncpg.connect(postgres_url)
    await database.executemany(
        "INSERT INTO notifier.channels (key_id, account_id, kind, url, headers,"
        " signing_secret, serialization, socket, receipt, revision)"
        " VALUES ($1, $2, 'CALLBACK', $3, '{}', '', '{}', '', '',"
        " nextval('notifier.revisions'))",
        [(*pair, url) for pair in pairs],
    )
    await database.executemany(
        "INSERT INTO notifier.cursors"
        " (owner, account_id, place, looked, waiting, dropped)"
        " VALUES ($1, $2, 0, 0, 0, 0)",
        pairs,
    )
    await database.close()
    return [AccountId(account) for _, account in pairs]


async def _stored(postgres_url: str) -> float:
    database = await asyncpg.connect(postgres_url)
    size = await database.fetchval(
        "SELECT pg_total_relation_size('notifier.channels')"
        " + pg_total_relation_size('notifier.cursors')"
    )
    await database.close()
    return float(size / CHANNELS)


async def _until_resting(pages: str, count: int) -> None:
    async with asyncio.timeout(120):
        while await metric(pages, "homeport_notifier_channels_resting") < count:
            await asyncio.sleep(0.2)


async def _wake(
    nats: BusClient, accounts: Iterable[AccountId], arrivals: "asyncio.Queue[float]"
) -> float:
    """Let something happen to one account after the other; return the median delay."""
    delays = []
    for account in accounts:
        begun = time.monotonic()
        await publisher.publish(nats, [_happened(account)])
        delays.append(await arrivals.get() - begun)
    return sorted(delays)[len(delays) // 2]


def _happened(account: AccountId) -> Envelope:
    device = DeviceId(uuid.uuid4().hex)
    body = (
        f'{{"fact":"registration.expired","id":"{device}.1","account_id":"{account}"'
        f',"device_id":"{device}","endpoint_name":"bench","revision":1}}'
    )
    return Envelope(
        f"{device}.1",
        FactName.REGISTRATION_EXPIRED,
        account,
        device,
        "2026-11-24T14:20:05.123456Z",
        body.encode(),
    )
