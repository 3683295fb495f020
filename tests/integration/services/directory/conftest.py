"""The directory of a test session: opened once, and empty for each test.

Making its routes and its tables takes longer than most tests do. So what is opened
lives on one event loop, and the tests of this folder run there.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.runtime import database
from homeport.runtime.embedded import EmbeddedServers
from services.directory.catalog import Catalog
from services.directory.schema import MIGRATIONS, SCHEMA
from tests.support import directory, servers
from tests.support.background import Background
from tests.support.directory import Site

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of this folder on the loop of the session."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def directory_url(elsewhere: Background, embedded: EmbeddedServers) -> Iterator[str]:
    """A database for the directory."""
    made = elsewhere.run(servers.make_database(embedded.postgres_url))
    yield made
    elsewhere.run(servers.drop_database(embedded.postgres_url, made))


@pytest.fixture
def postgres_url(
    elsewhere: Background, directory_url: str, engine_of_session: AsyncEngine
) -> str:
    """The directory's database, with nothing in it and nobody else at work."""
    elsewhere.run(directory.empty_database(directory_url))
    return directory_url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine_of_session(directory_url: str) -> AsyncIterator[AsyncEngine]:
    """Connections to the directory's database, with its tables."""
    async with database.connections(
        directory_url, schema=SCHEMA, migrations=MIGRATIONS
    ) as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def direct_of_session(directory_url: str) -> AsyncIterator[asyncpg.Pool]:
    """Connections for single statements."""
    async with database.direct(directory_url) as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site_of_session(
    embedded: EmbeddedServers, directory_url: str
) -> AsyncIterator[Site]:
    """The routes of the directory."""
    async with directory.site(
        embedded.redis_url, embedded.nats_url, directory_url
    ) as made:
        yield made


@pytest.fixture
def engine(engine_of_session: AsyncEngine, postgres_url: str) -> AsyncEngine:
    """Connections to a directory that holds nothing."""
    return engine_of_session


@pytest.fixture
def catalog(engine: AsyncEngine, direct_of_session: asyncpg.Pool) -> Catalog:
    """What callers read, of a directory that holds nothing."""
    return Catalog(engine, direct_of_session)


@pytest_asyncio.fixture(loop_scope="session")
async def opened(
    site_of_session: Site, redis_url: str, nats_url: str, postgres_url: str
) -> Site:
    """A directory that holds nothing; KEY may call it."""
    await site_of_session.renew()
    return site_of_session
