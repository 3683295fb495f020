"""Accounts and their API keys, made sure of by every replica."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.runtime import database
from homeport.store import trust
from services.directory.accounts import AccountStore
from services.directory.schema import MIGRATIONS, SCHEMA, api_keys
from tests.support.directory import ACCOUNT, KEY

pytestmark = pytest.mark.integration

LATER_KEY = "ak_1" + "f" * 60


@pytest.fixture
async def engine(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    async with database.connections(
        postgres_url, schema=SCHEMA, migrations=MIGRATIONS
    ) as made:
        yield made


async def test_a_key_is_kept_by_its_digest(engine: AsyncEngine) -> None:
    accounts = AccountStore(engine)
    await accounts.ensure(ACCOUNT, KEY)
    (key,) = await accounts.keys()
    assert key.digest == trust.digest(KEY)
    assert (key.grant.account, key.grant.role) == (ACCOUNT, "administrator")
    assert len(key.grant.key_id) == 32
    assert key.active


async def test_replicas_that_start_together_make_one_key(engine: AsyncEngine) -> None:
    accounts = AccountStore(engine)
    await asyncio.gather(*(accounts.ensure(ACCOUNT, KEY) for _ in range(5)))
    assert len(await accounts.keys()) == 1


async def test_an_account_may_come_without_a_key(engine: AsyncEngine) -> None:
    accounts = AccountStore(engine)
    await accounts.ensure(ACCOUNT, None)
    assert await accounts.keys() == []


async def test_a_later_key_stands_beside_the_first(engine: AsyncEngine) -> None:
    accounts = AccountStore(engine)
    await accounts.ensure(ACCOUNT, KEY)
    await accounts.ensure(ACCOUNT, LATER_KEY)
    digests = {key.digest for key in await accounts.keys() if key.active}
    assert digests == {trust.digest(KEY), trust.digest(LATER_KEY)}


async def test_a_key_that_was_made_inactive_stays_so(engine: AsyncEngine) -> None:
    accounts = AccountStore(engine)
    await accounts.ensure(ACCOUNT, KEY)
    async with engine.begin() as connection:
        await connection.execute(update(api_keys).values(status="INACTIVE"))
    await accounts.ensure(ACCOUNT, KEY)
    (key,) = await accounts.keys()
    assert not key.active
