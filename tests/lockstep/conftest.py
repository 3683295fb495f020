"""The edge that devices meet step by step."""

from collections.abc import AsyncIterator

import pytest

from tests.support.lwm2m_edge import Edge, serving


@pytest.fixture
async def edge(redis_url: str) -> AsyncIterator[Edge]:
    async with serving(redis_url) as made:
        yield made
