"""What all edges know of cookie secrets: the same on every store."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from homeport.keyring import Keyring
from homeport.store import keys
from homeport.store.cookies import CACHE_SECONDS, PERIOD_SECONDS, CookieSecretStore
from tests.support.sessions import Edge, edge

pytestmark = pytest.mark.integration

KEYRING = Keyring([bytes(32)])


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Edge]:
    async with edge(request.getfixturevalue(request.param)) as made:
        yield made


def secrets(
    store: Edge, *, clock: Clock | None = None, keyring: Keyring = KEYRING
) -> CookieSecretStore:
    return CookieSecretStore(store.redis, keyring=keyring, monotonic=clock or Clock())


async def a_period_passes(store: Edge) -> None:
    await store.redis.hincrby(keys.cookie_secrets(), "changed", -PERIOD_SECONDS)


async def test_all_edges_have_the_same(store: Edge) -> None:
    here, there = await asyncio.gather(
        secrets(store).current(), secrets(store).current()
    )
    assert here == there
    assert len(here[0]) == 32


async def test_a_secret_is_known_before_it_is_used_and_after(store: Edge) -> None:
    using = []
    for _ in range(5):
        using.append(await secrets(store).current())
        await a_period_passes(store)
    for before, after in itertools.pairwise(using):
        assert after[0] in before
        assert before[0] in after
    assert len({now[0] for now in using}) == 4


async def test_they_change_once_a_period(store: Edge) -> None:
    first = await secrets(store).current()
    assert await secrets(store).current() == first
    await a_period_passes(store)
    second = await secrets(store).current()
    assert second != first
    assert await secrets(store).current() == second


async def test_they_are_asked_for_once_in_a_while(store: Edge) -> None:
    clock = Clock()
    edge_ = secrets(store, clock=clock)
    first = await edge_.current()
    await a_period_passes(store)
    clock.now += CACHE_SECONDS - 1
    assert await edge_.current() == first
    clock.now += 1
    assert await edge_.current() != first


async def test_they_are_sealed(store: Edge) -> None:
    (used, *_) = await secrets(store).current()
    kept = await store.redis.hgetall(keys.cookie_secrets())
    assert not any(used in value for value in kept.values())


async def test_another_secret_of_the_installation_begins_anew(store: Edge) -> None:
    old = await secrets(store).current()
    rotated = Keyring([b"x" * 32, bytes(32)])
    assert await secrets(store, keyring=rotated).current() == old
    foreign = await secrets(store, keyring=Keyring([b"x" * 32])).current()
    assert not set(foreign) & set(old)
    assert await secrets(store, keyring=rotated).current() == foreign
