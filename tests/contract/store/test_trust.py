"""The trust view: the same on every store."""

import time
from collections.abc import AsyncIterator

import pytest

from homeport.store import trust
from homeport.store.trust import Grant, TrustView
from tests.support.sessions import ACCOUNT, edge

pytestmark = pytest.mark.integration

KEY = "ak_1" + "a" * 48
GRANT = Grant("k" * 32, ACCOUNT, "reader")


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
async def view(request: pytest.FixtureRequest) -> AsyncIterator[TrustView]:
    async with edge(request.getfixturevalue(request.param)) as made:
        yield TrustView(made.redis)


async def test_a_key_that_was_let_in_may_do_what_it_may(view: TrustView) -> None:
    await view.put_api_key(trust.digest(KEY), GRANT)
    await view.put_api_key(trust.digest(KEY), GRANT)
    assert await view.grant(KEY) == GRANT


@pytest.mark.parametrize("key", ["", "ak_1", KEY[:-1], trust.digest(KEY)])
async def test_a_key_that_nobody_let_in_may_do_nothing(
    view: TrustView, key: str
) -> None:
    await view.put_api_key(trust.digest(KEY), GRANT)
    assert await view.grant(key) is None


async def test_a_key_that_was_shut_out_may_do_nothing(view: TrustView) -> None:
    await view.put_api_key(trust.digest(KEY), GRANT)
    await view.remove_api_key(trust.digest(KEY), GRANT.key_id)
    await view.remove_api_key(trust.digest(KEY), GRANT.key_id)
    assert await view.grant(KEY) is None


async def test_keys_are_missing_only_where_the_view_is_whole(view: TrustView) -> None:
    asked = [GRANT.key_id, "other"]
    await view.put_api_key(trust.digest(KEY), GRANT)
    assert await view.missing_keys(asked) == frozenset()
    await view.put_fingerprint("one")
    assert await view.missing_keys(asked) == {"other"}
    await view.remove_api_key(trust.digest(KEY), GRANT.key_id)
    assert await view.missing_keys(asked) == {GRANT.key_id, "other"}
    assert await view.missing_keys([]) == frozenset()


async def test_a_view_is_known_by_its_fingerprint(view: TrustView) -> None:
    assert not await view.matches("one")
    await view.put_fingerprint("one")
    assert await view.matches("one")
    assert not await view.matches("two")


async def test_a_view_says_of_which_generation_it_is(view: TrustView) -> None:
    assert await view.generation() == ""
    await view.put_generation("one")
    await view.put_generation("two")
    assert await view.generation() == "two"


async def test_a_view_that_is_to_be_written_again_is_not_written(
    view: TrustView,
) -> None:
    assert not await view.is_written()
    await view.put_fingerprint("one")
    assert await view.is_written()
    await view.mark_lost()
    assert not await view.is_written()
    assert not await view.matches("one")


async def test_that_a_key_was_used_is_written_down_now_and_then(
    view: TrustView,
) -> None:
    before = time.time_ns() // 1_000_000
    await view.put_api_key(trust.digest(KEY), GRANT)
    assert await view.used() == {}
    await view.grant("unknown")
    await view.grant(KEY)
    used = await view.used()
    assert set(used) == {GRANT.key_id}
    assert before <= used[GRANT.key_id] <= time.time_ns() // 1_000_000
    await view.grant(KEY)
    assert await view.used() == used
