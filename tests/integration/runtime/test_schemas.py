"""`homeport migrate`: all tables are there, however often it is run."""

import asyncio

import asyncpg
import pytest

from homeport.runtime import schemas, services
from homeport.runtime.config import DatabaseSettings
from tests.support.homeport import homeport

pytestmark = pytest.mark.integration


async def revisions(url: str) -> dict[str, str]:
    connection = await asyncpg.connect(url)
    try:
        return {
            module: await connection.fetchval(
                f"SELECT version_num FROM {schemas.load(module).SCHEMA}.alembic_version"
            )
            for module in schemas.MODULES.values()
        }
    finally:
        await connection.close()


async def test_whoever_comes_second_finds_it_done(postgres_url: str) -> None:
    names = await asyncio.gather(*(schemas.migrate(postgres_url) for _ in range(2)))
    assert names == [["directory", "notifier"]] * 2
    first = await revisions(postgres_url)
    await schemas.migrate(postgres_url)
    assert await revisions(postgres_url) == first


def test_every_service_with_a_database_is_among_them() -> None:
    wanted = {
        name
        for name in services.MODULES
        if issubclass(services.load(name).SETTINGS, DatabaseSettings) and name != "api"
    }
    assert set(schemas.MODULES) == wanted


async def test_a_replica_that_may_not_migrate_waits_until_it_is_done(
    redis_url: str, nats_url: str, postgres_url: str
) -> None:
    environment = {
        "HOMEPORT_REDIS_URL": redis_url,
        "HOMEPORT_NATS_URL": nats_url,
        "HOMEPORT_POSTGRES_URL": postgres_url,
        "HOMEPORT_POSTGRES_MIGRATE": "false",
    }
    async with homeport("run", "notifier", **environment) as replica:
        waits = await replica.logged(lambda event: event["event"] == "start waits")
        assert waits["reason"].endswith("is needed: run `homeport migrate`")
        await schemas.migrate(postgres_url)
        await replica.logged(lambda event: event["event"] == "ready")
        assert await replica.end() == 0
