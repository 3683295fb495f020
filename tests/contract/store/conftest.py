"""Stores to hold to what they promise of device requests, and edges on them."""

from collections.abc import AsyncIterator

import pytest

from tests.support.queued import DEVICE
from tests.support.sessions import Edge, edge


@pytest.fixture(params=["redis_url", "redis_cluster_url"])
def store_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(request.param)


@pytest.fixture
async def here(store_url: str) -> AsyncIterator[Edge]:
    """An edge that the device has registered at."""
    async with edge(store_url) as made:
        await made.do(DEVICE.register(1))
        yield made


@pytest.fixture
async def there(store_url: str) -> AsyncIterator[Edge]:
    async with edge(store_url) as made:
        yield made
