"""PostgreSQL as a service uses it: a bounded pool, and its own schema, migrated."""

from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import asyncpg
import orjson
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    ARRAY,
    URL,
    ColumnElement,
    Connection,
    any_,
    event,
    literal,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import ArgumentError, DisconnectionError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.schema import CreateSchema

from homeport.errors import InvalidConfiguration, Unavailable

ANSWER_SECONDS = 5
MIGRATION_SECONDS = 3600
"""How long a step may take: an index of a large table is not made in seconds."""
POOL_SIZE = 5
"""Connections that a process keeps to a schema; twice as many at most."""

_MIGRATION_LOCK = 0x486F6D65706F7274
"""Any number; replicas that start together migrate one after the other."""


@asynccontextmanager
async def connections(
    url: str, *, schema: str, migrations: str, migrate: bool = True
) -> AsyncIterator[AsyncEngine]:
    """Open a pool and bring a schema up to date; raise Unavailable.

    ``migrations`` is where its steps are, 'package:folder'. A schema that is up to date
    stays as it is, so any number of replicas may start. Where they are not to
    ``migrate``, an older schema is Unavailable until somebody has done it; a newer one
    is InvalidConfiguration always.
    """
    engine = _engine(url, answer_seconds=ANSWER_SECONDS)
    patient = _engine(url, answer_seconds=MIGRATION_SECONDS)
    try:
        with reported():
            async with patient.begin() as connection:
                if migrate:
                    await connection.execute(
                        text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
                    )
                    await connection.execute(CreateSchema(schema, if_not_exists=True))
                await connection.run_sync(
                    partial(
                        _bring_up_to_date,
                        schema=schema,
                        migrations=migrations,
                        migrate=migrate,
                    )
                )
            await patient.dispose()
        yield engine
    finally:
        await patient.dispose()
        await engine.dispose()


def _engine(url: str, *, answer_seconds: float) -> AsyncEngine:
    made = create_async_engine(
        _parse(url),
        pool_size=POOL_SIZE,
        max_overflow=POOL_SIZE,
        pool_timeout=ANSWER_SECONDS,
        connect_args={"timeout": ANSWER_SECONDS, "command_timeout": answer_seconds},
        json_serializer=_build_json,
        json_deserializer=orjson.loads,
    )
    event.listen(made.sync_engine, "checkout", _check_open)
    return made


def _check_open(connection: Any, *_: object) -> None:
    """Have a connection replaced that has ended; to ping it would take three turns."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _build_json(value: object) -> str:
    return orjson.dumps(value).decode()


@asynccontextmanager
async def direct(url: str) -> AsyncIterator[asyncpg.Pool]:
    """Open a small pool for single statements that somebody waits for.

    Nothing is asked of a connection but the statement; JSON is read as the engine
    reads it. Raises Unavailable.
    """

    async def begin(connection: asyncpg.Connection) -> None:
        await connection.set_type_codec(
            "jsonb", schema="pg_catalog", encoder=_build_json, decoder=orjson.loads
        )

    async def keep(_: asyncpg.Connection) -> None:
        """Leave a connection as it is: single statements change nothing of it."""

    with reported():
        pool = await asyncpg.create_pool(
            url,
            min_size=0,  # a floor is restored, and that told of, while nobody asks
            max_size=POOL_SIZE,
            timeout=ANSWER_SECONDS,
            command_timeout=ANSWER_SECONDS,
            init=begin,
            reset=keep,
        )
        await pool.fetchval("SELECT 1")
    try:
        yield pool
    finally:
        pool.terminate()


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


def among(column: ColumnElement[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Select rows by one of some values: the same statement however many there are."""
    return column == any_(literal(list(values), ARRAY(column.type)))


async def check(engine: AsyncEngine) -> None:
    """Raise Unavailable when the server does not answer."""
    with reported():
        async with engine.connect() as connection:
            await connection.execute(select(1))


def _parse(url: str) -> URL:
    """Read a URL for our driver; raise InvalidConfiguration, which repeats nothing."""
    try:
        return make_url(url).set(drivername="postgresql+asyncpg")
    except (ArgumentError, ValueError) as error:
        raise InvalidConfiguration(
            "HOMEPORT_POSTGRES_URL", "is no URL of PostgreSQL"
        ) from error


def _bring_up_to_date(
    connection: Connection, *, schema: str, migrations: str, migrate: bool
) -> None:
    configuration = Config()
    configuration.set_main_option("script_location", "homeport.runtime:migrations")
    configuration.set_main_option("version_locations", migrations)
    configuration.set_main_option("path_separator", "newline")
    configuration.attributes |= {"connection": connection, "schema": schema}
    steps = ScriptDirectory.from_config(configuration)
    newest = steps.get_current_head()
    found = MigrationContext.configure(
        connection, opts={"version_table_schema": schema}
    ).get_current_revision()
    if found == newest:
        return
    if found not in {None, *(step.revision for step in steps.walk_revisions())}:
        raise InvalidConfiguration(
            f"schema {schema} in PostgreSQL",
            f"is of a newer Homeport: it is at {found}, this one knows up to {newest}",
        )
    if not migrate:
        raise Unavailable(
            "PostgreSQL",
            f"schema {schema} is at {found or 'nothing'} and {newest} is needed: "
            "run `homeport migrate`",
        )
    command.upgrade(configuration, "head")
