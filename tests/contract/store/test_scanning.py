"""All keys of a kind are found: standalone and on a cluster."""

from collections.abc import AsyncIterator

import pytest

from homeport.store.connection import Connection
from homeport.store.scanning import BATCH, scan
from tests.support.sessions import edge

pytestmark = pytest.mark.integration

COUNT = 2 * BATCH + 1


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
async def redis(request: pytest.FixtureRequest) -> AsyncIterator[Connection]:
    async with edge(request.getfixturevalue(request.param)) as made:
        yield made.redis


async def test_every_key_that_matches_is_found_some_at_a_time(
    redis: Connection,
) -> None:
    wanted = {f"assoc:lwm2m:{{{number}}}" for number in range(COUNT)}
    pipeline = redis.pipeline(transaction=False)
    for key in (*wanted, "assoc:bootstrap:{1}", "tls:lwm2m:1"):
        pipeline.set(key, "")
    await pipeline.execute()
    batches = [found async for found in scan(redis, "assoc:lwm2m:{*}")]
    assert {key for found in batches for key in found} == wanted
    assert max(map(len, batches)) <= BATCH


async def test_where_there_is_none_nothing_is_found(redis: Connection) -> None:
    assert [found async for found in scan(redis, "assoc:*")] == []
