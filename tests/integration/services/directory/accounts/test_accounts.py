"""Accounts and their API keys, made sure of by every replica."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.store import trust
from services.directory.accounts.accounts import AccountStore
from services.directory.schema import api_keys, trust_changes
from tests.support.directory import ACCOUNT, KEY, OTHER_ACCOUNT

pytestmark = pytest.mark.integration

LATER_KEY = "ak_1" + "f" * 60


async def keys(engine: AsyncEngine) -> Sequence[Row[Any]]:
    async with engine.connect() as connection:
        return (await connection.execute(select(api_keys))).all()


async def told(engine: AsyncEngine) -> list[str]:
    """Read which keys the trust view has to be told of."""
    async with engine.connect() as connection:
        return list(await connection.scalars(select(trust_changes.c.place)))


async def test_a_key_is_kept_by_its_digest(engine: AsyncEngine) -> None:
    await AccountStore(engine).ensure(ACCOUNT, KEY)
    (key,) = await keys(engine)
    assert key.digest == trust.digest(KEY)
    assert (key.account_id, key.role, key.status) == (
        ACCOUNT,
        "administrator",
        "ACTIVE",
    )
    assert len(key.id) == 32
    assert key.key == KEY[:-32]
    assert await told(engine) == [key.digest]


async def test_of_a_short_key_nothing_is_kept(engine: AsyncEngine) -> None:
    await AccountStore(engine).ensure(ACCOUNT, "k" * 63)
    (key,) = await keys(engine)
    assert key.key == ""


async def test_replicas_that_start_together_make_one_key(engine: AsyncEngine) -> None:
    accounts = AccountStore(engine)
    await asyncio.gather(*(accounts.ensure(ACCOUNT, KEY) for _ in range(5)))
    assert len(await keys(engine)) == 1
    assert len(await told(engine)) == 1


async def test_an_account_may_come_without_a_key(engine: AsyncEngine) -> None:
    accounts = AccountStore(engine)
    await accounts.ensure(ACCOUNT, None)
    assert await keys(engine) == []
    row = await accounts.account(ACCOUNT)
    assert row is not None
    assert row.id == ACCOUNT
    assert await accounts.account(OTHER_ACCOUNT) is None


async def test_a_later_key_stands_beside_the_first(engine: AsyncEngine) -> None:
    accounts = AccountStore(engine)
    await accounts.ensure(ACCOUNT, KEY)
    await accounts.ensure(ACCOUNT, LATER_KEY)
    digests = {key.digest for key in await keys(engine)}
    assert digests == {trust.digest(KEY), trust.digest(LATER_KEY)}


async def test_a_key_that_was_made_inactive_stays_so(engine: AsyncEngine) -> None:
    accounts = AccountStore(engine)
    await accounts.ensure(ACCOUNT, KEY)
    (key,) = await keys(engine)
    inactive = {"status": "INACTIVE"}
    await accounts.change_key(ACCOUNT, key.id, inactive, now=datetime.now(UTC))
    await accounts.ensure(ACCOUNT, KEY)
    (key,) = await keys(engine)
    assert key.status == "INACTIVE"


async def test_the_latest_use_of_a_key_is_kept(engine: AsyncEngine) -> None:
    accounts = AccountStore(engine)
    await accounts.ensure(ACCOUNT, KEY)
    (key,) = await keys(engine)
    for milliseconds in (2_000, 1_000):
        await accounts.note_used({key.id: milliseconds, "0" * 32: 7})
    await accounts.note_used({})
    (key,) = await keys(engine)
    assert key.last_login_time == 2_000
