"""The notifier's connections to PostgreSQL, and its schema brought up to date."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from homeport.errors import Unavailable
from services.notifier.schema import SCHEMA

ANSWER_SECONDS = 5
_MIGRATION_LOCK = 0x486F6D65706F7274
"""Any number; replicas that start together migrate one after the other."""


@asynccontextmanager
async def connections(url: str) -> AsyncIterator[AsyncEngine]:
    """Open a pool and migrate the schema; raise Unavailable."""
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        pool_pre_ping=True,
        pool_timeout=ANSWER_SECONDS,
        connect_args={"timeout": ANSWER_SECONDS, "command_timeout": ANSWER_SECONDS},
    )
    try:
        with reported():
            async with engine.begin() as connection:
                await connection.execute(
                    text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
                )
                await connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
                await connection.run_sync(_migrate)
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


def _migrate(connection: Connection) -> None:
    configuration = Config()
    configuration.set_main_option("script_location", "services.notifier:migrations")
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")
