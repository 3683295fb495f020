"""What 100,000 devices cost: memory, an update among them, and all expiring at once."""

import asyncio
import time
from collections.abc import Iterable

from nats.js.api import StreamInfo
from redis.asyncio import Redis

from bench.edge import edge
from bench.load import Build, Load, departure, load, registration, renewals
from bench.processes import cpu_seconds, free_port, process, servers, serving
from homeport.events import subjects
from homeport.events.facts import FactName
from homeport.runtime import bus
from homeport.runtime.embedded import EmbeddedServers

FEW, MANY = 1_000, 100_000
UPDATES_A_ROUND = 9
"""Nine updates of a device in ten seconds are not held."""
ROUNDS_OF_FEW = 8
"""Each with new devices, when those before have left: the server has to settle too."""
UPDATES_OF_MANY = 90_000
SETTLE_SECONDS = 0.3
BYTES_WANTED = 2_000
COST_WANTED = 1.2
EXPIRY_SECONDS_WANTED = 10
NOTICE_SECONDS = 40
"""Long enough to register them all before the first expires."""


async def measure() -> bool:
    """Print the figures; return whether they are as wanted."""
    async with servers() as started:
        async with edge(started) as here, load(here.coap) as devices:
            processes = (here.pid, started.processes["valkey"])
            cost_of_few = await _cost_of_few(devices, processes)
            before = await _memory(started)
            many = await devices.register(_names("many", MANY))
            size = (await _memory(started) - before) / MANY
            updates = renewals(many, UPDATES_OF_MANY)
            spent = await _cpu_seconds(devices, updates, processes)
            cost_of_many = spent / UPDATES_OF_MANY
        ratio = cost_of_many / cost_of_few
        print(f"Valkey's memory a device: {size:,.0f} bytes (wanted: {BYTES_WANTED})")
        print(
            f"an update among {FEW:>7,}: {1e6 * cost_of_few:.1f} µs of edge and Valkey"
        )
        print(f"an update among {MANY:>7,}: {1e6 * cost_of_many:.1f} µs")
        print(f"ratio: {ratio:.2f} (wanted: {COST_WANTED})")
    late = await _expire_at_once()
    print(f"{MANY:,} expiries reported within {late:.1f} s")
    return size < BYTES_WANTED and ratio < COST_WANTED and late < EXPIRY_SECONDS_WANTED


async def _cost_of_few(devices: Load, pids: tuple[int, ...]) -> float:
    """Return the CPU seconds of an update, its script and its event, among few."""
    spent = 0.0
    for number in range(ROUNDS_OF_FEW):
        locations = await devices.register(_names(f"few-{number}", FEW))
        updates = renewals(locations, FEW * UPDATES_A_ROUND)
        spent += await _cpu_seconds(devices, updates, pids)
        await devices.run(map(departure, locations))
    return spent / (ROUNDS_OF_FEW * FEW * UPDATES_A_ROUND)


async def _cpu_seconds(
    devices: Load, updates: Iterable[Build], pids: tuple[int, ...]
) -> float:
    """Return what processes spend on updates and, a little later, their events."""
    before = sum(map(cpu_seconds, pids))
    outcome = await devices.run(updates)
    await asyncio.sleep(SETTLE_SECONDS)
    if set(outcome.codes) != {"2.04"}:
        raise RuntimeError(f"updates were not answered 2.04: {outcome.codes}")
    return sum(map(cpu_seconds, pids)) - before


async def _expire_at_once() -> float:
    """Return after how many seconds all expiries of one second are in the stream."""
    async with servers() as started:
        environment = {
            "HOMEPORT_REDIS_URL": started.redis_url,
            "HOMEPORT_NATS_URL": started.nats_url,
            "HOMEPORT_EXPIRY_GRACE_SECONDS": "0",
        }
        probes = free_port()
        async with (
            bus.connection(started.nats_url) as nats,
            edge(started) as here,
            process(
                *("-m", "homeport", "run", "expiry"),
                HOMEPORT_PROBE_PORT=str(probes),
                **environment,
            ),
            load(here.coap) as devices,
        ):
            await serving(probes)
            due = time.monotonic() + NOTICE_SECONDS
            outcome = await devices.run(
                registration(name, round(due - time.monotonic()))
                for name in _names("mayfly", MANY)
            )
            if set(outcome.codes) != {"2.01"} or time.monotonic() > due:
                raise RuntimeError(f"the devices did not register: {outcome}")
            while (
                _expired(
                    await nats.jetstream().stream_info(
                        subjects.STREAM, subjects_filter=">"
                    )
                )
                < MANY
            ):
                await asyncio.sleep(0.1)
            return time.monotonic() - due


def _expired(stream: StreamInfo) -> int:
    fact = f".{FactName.REGISTRATION_EXPIRED}"
    found = (stream.state.subjects or {}).items()
    return sum(count for subject, count in found if subject.endswith(fact))


def _names(kind: str, count: int) -> list[str]:
    return [f"{kind}-{number}" for number in range(count)]


async def _memory(started: EmbeddedServers) -> int:
    """Return what Valkey holds, once everything is published and trimmed."""
    async with Redis.from_url(started.redis_url) as redis:
        while any([await redis.xlen(f"{{b{bucket}}}:outbox") for bucket in range(64)]):
            await asyncio.sleep(0.2)
        information = await redis.info("memory")
    return int(information["used_memory"])
