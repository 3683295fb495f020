"""Embedded servers of another process, and a mark that they must keep."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import orjson
from nats.aio.client import Client
from redis.asyncio import Redis

from homeport.runtime.embedded import EmbeddedServers
from tests.support.homeport import END_SECONDS, START_SECONDS

STREAM = "MARKS"
PROGRAM = """
import asyncio, json, sys
from pathlib import Path
from homeport.runtime.embedded import EmbeddedServers

async def main():
    async with EmbeddedServers(Path(sys.argv[1])) as servers:
        urls = servers.redis_url, servers.nats_url, servers.postgres_url
        print(json.dumps([*urls, dict(servers.processes)]), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Described:
    """What another process tells of its servers."""

    redis_url: str
    nats_url: str
    postgres_url: str
    processes: Mapping[str, int]


Servers = EmbeddedServers | Described


@asynccontextmanager
async def elsewhere(
    data: str, *, interpreter: str = sys.executable, **options: object
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Described]]:
    """Run servers from another Python process, which is killed when this is left."""
    process = await asyncio.create_subprocess_exec(
        *(interpreter, "-c", PROGRAM, data),
        stdout=asyncio.subprocess.PIPE,
        **options,  # type: ignore[arg-type] # those of subprocess
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            while not (line := await process.stdout.readline()).startswith(b"["):
                assert line, "ended before its servers served"
        yield process, Described(*orjson.loads(line))
    finally:
        if process.returncode is None:
            process.kill()
        async with asyncio.timeout(END_SECONDS):  # its servers may have our pipe
            await process.wait()


async def mark(servers: Servers) -> None:
    """Leave something in each server."""
    async with Redis.from_url(servers.redis_url) as redis:
        await redis.set("mark", "kept")
    nats = Client()
    await nats.connect(servers.nats_url)
    await nats.jetstream().add_stream(name=STREAM, subjects=["mark"])
    await nats.jetstream().publish("mark", b"kept")
    await nats.close()
    postgres = await asyncpg.connect(servers.postgres_url)
    await postgres.execute("CREATE TABLE mark AS SELECT 'kept' AS what")
    await postgres.close()


async def marks(servers: Servers) -> list[str]:
    """Read what was left in each server."""
    async with Redis.from_url(servers.redis_url, decode_responses=True) as redis:
        found = [str(await redis.get("mark"))]
    nats = Client()
    await nats.connect(servers.nats_url)
    message = await nats.jetstream().get_msg(STREAM, 1)
    found.append((message.data or b"").decode())
    await nats.close()
    postgres = await asyncpg.connect(servers.postgres_url)
    found.append(await postgres.fetchval("SELECT what FROM mark"))
    await postgres.close()
    return found


KEPT = ["kept"] * 3
