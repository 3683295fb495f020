"""How long events have waited in an outbox."""

from collections.abc import AsyncIterator

import pytest

from homeport.store import outbox
from tests.support.sessions import Edge, device, edge

pytestmark = pytest.mark.integration

DEVICE = device()


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
async def here(request: pytest.FixtureRequest) -> AsyncIterator[Edge]:
    async with edge(request.getfixturevalue(request.param)) as made:
        yield made


async def test_an_empty_outbox_has_no_oldest_event(here: Edge) -> None:
    assert await outbox.oldest(here.redis, DEVICE.bucket) is None


async def test_the_oldest_event_is_as_old_as_its_recording(here: Edge) -> None:
    await here.do(DEVICE.register(1))
    now = here.clock.microseconds(here.clock.now()) // 1000
    assert await outbox.oldest(here.redis, DEVICE.bucket) == pytest.approx(
        now, abs=5_000
    )
