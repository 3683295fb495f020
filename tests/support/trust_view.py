"""What a directory does with its trust view, and what edges read there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.identity import Service
from homeport.runtime import database
from homeport.store import connection
from homeport.store.entries import DeviceEntry
from services.directory.schema import MIGRATIONS, SCHEMA, trust_changes
from services.directory.trust.projection import Projection, projecting
from tests.support.directory import Site, device_of

KEYS = "/v2/device-shared-keys"
NAME = "urn:dev:os:kettle-1"


@asynccontextmanager
async def connected(opened: Site) -> AsyncIterator[AsyncEngine]:
    """Connect to its database."""
    url = opened.settings.postgres_url.get_secret_value()
    async with database.connections(url, schema=SCHEMA, migrations=MIGRATIONS) as made:
        yield made


@asynccontextmanager
async def projected(opened: Site) -> AsyncIterator[Projection]:
    """Make another projection, as a replica has."""
    redis = await connection.connect(opened.settings.redis_url)
    async with connected(opened) as engine:
        yield projecting(
            engine, redis, opened.settings.keyring, buckets=opened.settings.buckets
        )
    await redis.aclose()


async def register(opened: Site, name: str = NAME) -> None:
    """Register a key at the directory."""
    body = {"endpoint_name": name, "secret_hex": "5e" * 16}
    await opened.send("POST", KEYS, body, status=201)


async def knows(opened: Site, name: str = NAME) -> bool:
    """Say whether edges know a key."""
    (found,) = await opened.entries.registered_keys(Service.BOOTSTRAP, [name.encode()])
    return found is not None


async def device(opened: Site) -> DeviceEntry | None:
    """Return what edges know of the device."""
    (found,) = await opened.entries.devices([device_of()])
    return found


async def pending(opened: Site) -> int:
    """Count the changes that edges have not been told of."""
    async with connected(opened) as engine, engine.connect() as connected_:
        query = select(func.count()).select_from(trust_changes)
        return int(await connected_.scalar(query) or 0)
