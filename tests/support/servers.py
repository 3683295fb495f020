"""The servers of a test session, and how each test finds them empty."""

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from nats.aio.client import Client
from redis.asyncio import Redis

_numbers = itertools.count(1)


@contextmanager
def folder() -> Iterator[Path]:
    """Make a data folder outside of pytest's own.

    Every start of pytest closes that to other users, and PostgreSQL is one for root.
    """
    with tempfile.TemporaryDirectory(prefix="homeport-") as made:
        yield Path(made)


async def empty_redis(url: str) -> None:
    """Forget everything, and what scripts were loaded."""
    async with Redis.from_url(url) as redis:
        await redis.flushall()
        await redis.script_flush()


async def empty_nats(url: str) -> None:
    """Delete all streams and with them their consumers."""
    client = Client()
    await client.connect(url)
    try:
        jetstream = client.jetstream()
        for stream in await jetstream.streams_info():
            assert stream.config.name
            await jetstream.delete_stream(stream.config.name)
    finally:
        await client.close()


async def make_database(url: str) -> str:
    """Make an empty database; return its URL."""
    name = f"test_{next(_numbers)}"
    await _administrate(url, f"CREATE DATABASE {name}")
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


async def drop_database(url: str, database: str) -> None:
    """Drop a database and end its connections."""
    name = urlsplit(database).path.removeprefix("/")
    await _administrate(url, f"DROP DATABASE {name} WITH (FORCE)")


async def _administrate(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
