"""``homeport reseal``: all that is kept sealed, sealed with the newest secret alone.

After that the older secrets are of no use here and can be taken away. What PostgreSQL
keeps is sealed anew row by row, and so are associations and TLS sessions in Redis. The
trust view there is written again by a directory that runs; cookie secrets go within two
hours, and may be lost before: a hello is said again.
"""

import asyncio
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.errors import InvalidConfiguration, Unavailable
from homeport.identity import Service
from homeport.keyring import Keyring, Resealed
from homeport.names import EdgeId
from homeport.runtime import database, schemas
from homeport.runtime.config import DatabaseSettings, SecuritySettings
from homeport.runtime.platform import identity, ready
from homeport.store import connection
from homeport.store.associations import AssociationStore
from homeport.store.connection import Connection
from homeport.store.resumptions import ResumptionStore
from homeport.store.trust import TrustView
from homeport.store.trust_reader import TrustReader

MODULES: Mapping[str, str] = {
    "directory": "services.directory.resealing",
    "notifier": "services.notifier.resealing",
}
"""The services that seal what PostgreSQL keeps, and who seals it anew."""

WAIT_SECONDS = 60.0
"""How long a directory may take to write the trust view again."""
LOOK_SECONDS = 0.2

NOBODY = EdgeId("")


class ResealingSettings(DatabaseSettings, SecuritySettings):
    """Where everything is, and the secrets, newest first."""


class Resealing(Protocol):
    """What each of these modules offers."""

    async def reseal(self, engine: AsyncEngine, keyring: Keyring) -> Resealed:
        """Seal the rows of a service anew."""


def settings(data: Path | None) -> ResealingSettings:
    """Read the environment, or with a data folder what ``homeport up`` has there.

    Raises InvalidConfiguration, also where no platform serves from the folder.
    """
    if data is None:
        return ResealingSettings.load()
    serving, kept = ready.read(data / ready.FILE), identity.read(data)
    if serving is None or kept is None:
        raise InvalidConfiguration(str(data), "has no platform that serves")
    return ResealingSettings.load(
        redis_url=serving.redis,
        postgres_url=serving.postgres,
        secret_key=kept.secret_key,
    )


async def reseal(where: ResealingSettings) -> Mapping[str, Resealed]:
    """Seal anew what an older secret has sealed; say what was where.

    Repeating it is harmless, at any time. Raises Unavailable.
    """
    keyring = where.keyring
    found: dict[str, Resealed] = {}
    for name, module in MODULES.items():
        tables = schemas.load(schemas.MODULES[name])
        async with database.connections(
            where.postgres_url.get_secret_value(),
            schema=tables.SCHEMA,
            migrations=tables.MIGRATIONS,
            migrate=False,
        ) as engine:
            resealing = cast("Resealing", importlib.import_module(module))
            found[f"{name} in PostgreSQL"] = await resealing.reseal(engine, keyring)
    redis = await connection.connect(where.redis_url)
    try:
        found["associations in Redis"] = await _associations(redis, keyring)
        found["sessions in Redis"] = await _sessions(redis, keyring)
    finally:
        await redis.aclose()
    return found


async def rewrite_trust(where: ResealingSettings) -> bool:
    """Have the trust view written with the newest secret; say whether it is by now.

    It is not where no directory runs: the next one that starts does it. Raises
    InvalidConfiguration where one runs that still seals with an older secret.
    """
    redis = await connection.connect(where.redis_url)
    try:
        view = TrustView(redis)
        await view.mark_lost()
        if not await _written(view):
            return False
        try:
            await TrustReader(redis, where.keyring.newest).authority()
        except Unavailable as error:
            raise InvalidConfiguration(
                "HOMEPORT_SECRET_KEY",
                "begins with an older secret at a directory that runs: "
                "give all of them the new one first, then repeat this",
            ) from error
    finally:
        await redis.aclose()
    return True


async def _associations(redis: Connection, keyring: Keyring) -> Resealed:
    total = Resealed()
    for service in Service:
        total += await AssociationStore(
            redis, edge=NOBODY, service=service, keyring=keyring
        ).reseal()
    return total


async def _sessions(redis: Connection, keyring: Keyring) -> Resealed:
    total = Resealed()
    for service in Service:
        total += await ResumptionStore(
            redis, service=service, keyring=keyring, seconds=0
        ).reseal()
    return total


async def _written(view: TrustView) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAIT_SECONDS
    while not await view.is_written():
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return True
