"""Updates a CPU second of one lwm2m edge, against aiocoap's stock server."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.load import (
    SOCKETS,
    Build,
    Outcome,
    load,
    parts,
    registration,
    renewal,
    renewals,
)
from bench.processes import (
    ACCOUNT,
    SECRET,
    cpu_seconds,
    free_port,
    metric,
    process,
    put_authority,
    servers,
    serving,
)
from homeport.runtime import addresses
from homeport.runtime.embedded import EmbeddedServers

DEVICES = 40_000
UPDATES = 300_000
"""At most nine a device: the tenth in ten seconds after a Register would be held."""
PEER_REQUESTS = 15_000
WANTED = 5.0
IN_BLOCKS = 64 * 60
LONG = b",".join(b"</%d/0/%d>" % (3200 + n // 9, 5500 + n % 9) for n in range(75))
"""As many bytes of links as an Izuma client registers with, but for two."""
COST_OF_BLOCKS_WANTED = 4.0
LONGEST_PAUSE_SECONDS = 0.05


async def measure() -> bool:
    """Print the figures; return whether they are as wanted."""
    peer = await _measure_peer()
    print(f"aiocoap's server, empty handler: {peer:,.0f} requests/CPU s")
    async with servers() as started, edge(started) as here:
        pid, valkey = here.pid, started.processes["valkey"]
        before, store_before = cpu_seconds(pid), cpu_seconds(valkey)
        async with load(here.coap) as devices:
            locations = await devices.register(map("bench-{}".format, range(DEVICES)))
            registering = cpu_seconds(pid) - before
            before, store_before = cpu_seconds(pid), cpu_seconds(valkey)
            outcome = await devices.run(renewals(locations, UPDATES))
        spent = cpu_seconds(pid) - before
        stored = cpu_seconds(valkey) - store_before
        pause = await metric(here.pages, "homeport_loop_longest_pause_seconds")
        cost = await _measure_blocks(here)
    mine = UPDATES / spent
    print(f"lwm2m edge, registers: {DEVICES / registering:,.0f}/CPU s")
    print(f"lwm2m edge, updates:   {mine:,.0f}/CPU s", _describe(outcome))
    print(f"Valkey meanwhile:      {1e6 * stored / UPDATES:.1f} µs an update")
    print(f"longest pause of the edge's loop: {1000 * pause:.0f} ms")
    print(f"a Register of {len(LONG)} bytes in blocks: {cost:.1f} times one datagram")
    print(f"ratio: {mine / peer:.1f} (wanted: {WANTED})")
    return (
        mine / peer >= WANTED
        and pause < LONGEST_PAUSE_SECONDS
        and cost <= COST_OF_BLOCKS_WANTED
    )


@dataclass(frozen=True, slots=True)
class Edge:
    """An lwm2m edge under measurement: its process and its URLs."""

    pid: int
    coap: str
    coaps: str
    pages: str


@asynccontextmanager
async def edge(started: EmbeddedServers, **environment: str) -> AsyncIterator[Edge]:
    """Run an lwm2m edge, and say in the directory's place who it is."""
    await put_authority(started.redis_url)
    coap, coaps = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
    probes = free_port()
    async with process(
        *("-m", "homeport", "run", "lwm2m"),
        HOMEPORT_REDIS_URL=started.redis_url,
        HOMEPORT_NATS_URL=started.nats_url,
        HOMEPORT_DEFAULT_ACCOUNT_ID=ACCOUNT,
        HOMEPORT_SECRET_KEY=SECRET,
        HOMEPORT_NOSEC="true",
        HOMEPORT_LWM2M_COAP_PORT=str(coap),
        HOMEPORT_LWM2M_COAPS_PORT=str(coaps),
        HOMEPORT_LWM2M_COAP_TCP_PORT="0",
        HOMEPORT_LWM2M_COAPS_TCP_PORT="0",
        HOMEPORT_PROBE_PORT=str(probes),
        HOMEPORT_LOG_LEVEL="warning",
        **environment,
    ) as pid:
        await serving(probes)
        yield Edge(
            pid,
            addresses.url("coap", "127.0.0.1", coap),
            addresses.url("coaps", "127.0.0.1", coaps),
            addresses.url("http", "127.0.0.1", probes),
        )


async def _measure_blocks(here: Edge) -> float:
    """Say how many times the CPU of one datagram a Register in blocks costs.

    Each socket has one device at a time, whose blocks follow one another.
    """
    turns = [range(first, first + SOCKETS) for first in range(0, IN_BLOCKS, SOCKETS)]
    spent = []
    for prefix, make in (("whole", _whole), ("parts", parts)):
        before = cpu_seconds(here.pid)
        async with load(here.coap) as devices:
            for turn in turns:
                named = (make(f"{prefix}-{each}", 86_400, LONG) for each in turn)
                for step in zip(*named, strict=True):
                    outcome = await devices.run(step)
                assert outcome.codes == {"2.01": SOCKETS}, outcome.codes
        spent.append(cpu_seconds(here.pid) - before)
    whole, in_blocks = spent
    return in_blocks / whole


def _whole(name: str, lifetime: int, links: bytes) -> list[Build]:
    return [registration(name, lifetime, links)]


async def _measure_peer() -> float:
    port = free_port(socket.SOCK_DGRAM)
    async with process("-m", "bench.peer", str(port)) as pid:
        async with load(addresses.url("coap", "127.0.0.1", port)) as devices:
            await devices.run([renewal("0" * 48)])
            before = cpu_seconds(pid)
            await devices.run([renewal("0" * 48)] * PEER_REQUESTS)
        return PEER_REQUESTS / (cpu_seconds(pid) - before)


def _describe(outcome: Outcome) -> str:
    codes = ", ".join(f"{count} x {code}" for code, count in outcome.codes.items())
    return f"({codes}; {outcome.repeated} repeated; p99 {outcome.percentile(99):.3f} s)"
