"""PostgreSQL as a service uses it: a bounded pool, and its own schema, migrated."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial

import asyncpg
import orjson
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, make_url, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.schema import CreateSchema

from homeport.errors import Unavailable

ANSWER_SECONDS = 5
POOL_SIZE = 5
"""Connections that a process keeps to a schema; twice as many at most."""

_MIGRATION_LOCK = 0x486F6D65706F7274
"""Any number; replicas that start together migrate one after the other."""


@asynccontextmanager
async def connections(
    url: str, *, schema: str, migrations: str
) -> AsyncIterator[AsyncEngine]:
    """Open a pool and bring a schema up to date; raise Unavailable.

    ``migrations`` is where its steps are, 'package:folder'. A schema that is up to date
    stays as it is, so any number of replicas may start.
    """
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=POOL_SIZE,
        max_overflow=POOL_SIZE,
        pool_pre_ping=True,
        pool_timeout=ANSWER_SECONDS,
        connect_args={"timeout": ANSWER_SECONDS, "command_timeout": ANSWER_SECONDS},
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
    )
    try:
        with reported():
            async with engine.begin() as connection:
                await connection.execute(
                    text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
                )
                await connection.execute(CreateSchema(schema, if_not_exists=True))
                await connection.run_sync(
                    partial(_migrate, schema=schema, migrations=migrations)
                )
        yield engine
    finally:
        await engine.dispose()


@contextmanager
def reported() -> Iterator[None]:
    """Raise Unavailable for whatever PostgreSQL or the way to it does wrong."""
    try:
        yield
    except (
        SQLAlchemyError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        TimeoutError,
        OSError,
    ) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise Unavailable("PostgreSQL", reason) from error


async def check(engine: AsyncEngine) -> None:
    """Raise Unavailable when the server does not answer."""
    with reported():
        async with engine.connect() as connection:
            await connection.execute(select(1))


def _migrate(connection: Connection, *, schema: str, migrations: str) -> None:
    configuration = Config()
    configuration.set_main_option("script_location", "homeport.runtime:migrations")
    configuration.set_main_option("version_locations", migrations)
    configuration.set_main_option("path_separator", "newline")
    configuration.attributes |= {"connection": connection, "schema": schema}
    command.upgrade(configuration, "head")
