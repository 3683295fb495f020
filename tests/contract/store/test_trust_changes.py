"""Edges hear of what changes in the trust view: on every store."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from homeport.associations import Floating
from homeport.identity import NOBODY, Service
from homeport.keyring import Keyring
from homeport.names import EdgeId
from homeport.store.associations import AssociationStore
from homeport.store.entries import Pin
from homeport.store.trust_changes import SILENCE_SECONDS, News, TrustChanges
from homeport.store.trust_writer import EVERYTHING, MOST_NAMES, TrustWriter
from tests.support.line import line
from tests.support.sessions import ACCOUNT, Edge, edge

pytestmark = pytest.mark.integration

KEYRING = Keyring([bytes(32)])
ASSOCIATION = Floating("127.0.0.1:40000", "1" * 28, b"", NOBODY, "127.0.0.1:40000", 0)
PIN = Pin("1", ACCOUNT, "f" * 64)


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Edge]:
    async with edge(request.getfixturevalue(request.param)) as made:
        yield made


def writer(store: Edge) -> TrustWriter:
    return TrustWriter(store.redis, KEYRING)


def associations(store: Edge, name: str) -> AssociationStore:
    return AssociationStore(
        store.redis, edge=EdgeId(name), service=Service.LWM2M, keyring=KEYRING
    )


def hear(store: Edge) -> AsyncGenerator[News, None]:
    return aiter(TrustChanges(store.redis, edge=store.identity))


def named(name: str) -> News:
    return News(names=frozenset({name}))


UNKNOWN = named(EVERYTHING)


async def test_at_first_everything_may_have_changed(store: Edge) -> None:
    async with asyncio.timeout(5), aclosing(hear(store)) as heard:
        assert await anext(heard) == UNKNOWN


async def test_every_write_is_told_with_its_names(store: Edge) -> None:
    async with asyncio.timeout(5), aclosing(hear(store)) as heard:
        await anext(heard)
        await writer(store).put([PIN])
        assert await anext(heard) == named(PIN.name)
        await writer(store).remove([PIN, PIN])
        assert await anext(heard) == named(PIN.name)
        await writer(store).put_authority(b"")
        assert await anext(heard) == named("authority")


async def test_very_many_names_are_everything(store: Edge) -> None:
    async with asyncio.timeout(5), aclosing(hear(store)) as heard:
        await anext(heard)
        await writer(store).put([PIN] * (MOST_NAMES + 1))
        assert await anext(heard) == UNKNOWN


async def test_an_edge_hears_of_what_another_took_from_it(store: Edge) -> None:
    async with asyncio.timeout(5), aclosing(hear(store)) as heard:
        await anext(heard)
        here, there = associations(store, store.identity), associations(store, "there")
        await here.save([ASSOCIATION])
        await here.take([(ASSOCIATION, 1)])
        await there.take([(ASSOCIATION, 2)])
        await there.take([(ASSOCIATION, 3)])
        await here.take([(ASSOCIATION, 4)])
        await writer(store).put([PIN])
        assert await anext(heard) == News(places=frozenset({ASSOCIATION.place}))
        assert await anext(heard) == named(PIN.name)


async def test_silence_does_not_end_it(store: Edge) -> None:
    heard = hear(store)
    async with asyncio.timeout(SILENCE_SECONDS + 10), aclosing(heard):
        await anext(heard)
        waiting = asyncio.ensure_future(anext(heard))
        done, _ = await asyncio.wait([waiting], timeout=SILENCE_SECONDS + 1)
        assert not done
        await writer(store).put([PIN])
        assert await waiting == named(PIN.name)


async def test_after_a_broken_connection_everything_may_have_changed(
    redis_url: str,
) -> None:
    async with line(redis_url) as (way, over_line), edge(over_line) as far:
        heard = hear(far)
        async with asyncio.timeout(10), aclosing(heard):
            await anext(heard)
            way.cut()
            waiting = asyncio.ensure_future(anext(heard))
            way.mend()
            assert await waiting == UNKNOWN
