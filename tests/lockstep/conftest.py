"""An edge that devices meet step by step, and one that has registered with it."""

from collections.abc import AsyncIterator

import pytest

from tests.support.lwm2m_edge import Device, Edge, serving


@pytest.fixture
async def edge(redis_url: str) -> AsyncIterator[Edge]:
    async with serving(redis_url) as made:
        yield made


@pytest.fixture
async def device(edge: Edge) -> Device:
    """A device that has registered."""
    made = edge.device()
    await made.register()
    return made
