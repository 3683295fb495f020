"""Gatekeepers that tests show credentials to."""

from collections.abc import AsyncIterator

import pytest

from homeport.identity import Service
from tests.support.gatekeeper import Door, door


@pytest.fixture
async def lwm2m(redis_url: str) -> AsyncIterator[Door]:
    async with door(redis_url, Service.LWM2M) as opened:
        yield opened


@pytest.fixture
async def indirect(redis_url: str) -> AsyncIterator[Door]:
    """The lwm2m service where direct registration is off."""
    async with door(redis_url, Service.LWM2M, direct=False) as opened:
        yield opened


@pytest.fixture
async def bootstrap(redis_url: str) -> AsyncIterator[Door]:
    async with door(redis_url, Service.BOOTSTRAP) as opened:
        yield opened


@pytest.fixture(params=list(Service))
async def either(redis_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Door]:
    """One service after the other."""
    async with door(redis_url, request.param) as opened:
        yield opened
