"""What every store of TLS sessions promises: standalone and on a cluster."""

from collections.abc import AsyncIterator

import pytest

from homeport.associations import Resumptions
from homeport.identity import NOBODY, Identity, Means, Service
from homeport.keyring import Keyring, Resealed
from homeport.store import entries, keys
from homeport.store.resumptions import ResumptionStore
from tests.support.sessions import Edge, edge

pytestmark = pytest.mark.integration

SESSION_ID = b"\x00id"
SESSION = b"\x30session"
PEER = Identity("psk:1", Means.SHARED_KEY, rests_on=("psk:lwm2m:1",))
KEY = keys.resumption(Service.LWM2M, entries.digest(SESSION_ID))


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Edge]:
    async with edge(request.getfixturevalue(request.param)) as made:
        yield made


def resumptions(store: Edge, *, secret: bytes = bytes(32)) -> Resumptions:
    return ResumptionStore(
        store.redis, service=Service.LWM2M, keyring=Keyring([secret]), seconds=60
    )


async def test_what_one_edge_puts_another_gets(store: Edge) -> None:
    await resumptions(store).put([(SESSION_ID, SESSION, PEER)])
    assert await resumptions(store).get([SESSION_ID]) == [(SESSION, PEER)]


async def test_sessions_come_in_the_order_asked(store: Edge) -> None:
    await resumptions(store).put([(SESSION_ID, SESSION, PEER)])
    await resumptions(store).put([(b"other", b"", NOBODY)])
    assert await resumptions(store).get([b"other", b"none", SESSION_ID]) == [
        (b"", NOBODY),
        None,
        (SESSION, PEER),
    ]


async def test_nothing_asked_is_nothing_answered(store: Edge) -> None:
    await resumptions(store).put([])
    assert await resumptions(store).get([]) == []


async def test_a_session_is_sealed_and_goes_by_itself(store: Edge) -> None:
    await resumptions(store).put([(SESSION_ID, SESSION, PEER)])
    kept = await store.redis.get(KEY)
    assert b"session" not in kept
    assert b"psk:1" not in kept
    assert 0 < await store.redis.ttl(KEY) <= 60


async def test_what_cannot_be_opened_any_more_is_gone(store: Edge) -> None:
    await resumptions(store).put([(SESSION_ID, SESSION, PEER)])
    assert await resumptions(store, secret=b"x" * 32).get([SESSION_ID]) == [None]


async def test_what_is_sealed_anew_needs_the_older_secret_no_more(store: Edge) -> None:
    await resumptions(store).put([(SESSION_ID, SESSION, PEER)])
    await resumptions(store, secret=b"x" * 32).put([(b"lost", SESSION, PEER)])
    rotated = ResumptionStore(
        store.redis,
        service=Service.LWM2M,
        keyring=Keyring([b"n" * 32, bytes(32)]),
        seconds=60,
    )
    assert await rotated.reseal() == Resealed(found=1, anew=1)
    assert await rotated.reseal() == Resealed(found=1, anew=0)
    alone = resumptions(store, secret=b"n" * 32)
    assert await alone.get([SESSION_ID]) == [(SESSION, PEER)]
    assert 0 < await store.redis.ttl(KEY) <= 60
