"""The notifier's tables, for tests of what keeps things in them."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.runtime import database
from services.notifier.schema import MIGRATIONS, SCHEMA


@pytest.fixture
async def engine(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    async with database.connections(
        postgres_url, schema=SCHEMA, migrations=MIGRATIONS
    ) as made:
        yield made
