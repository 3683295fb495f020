"""An installation whose devices have credentials."""

from collections.abc import AsyncIterator

import pytest

from homeport.runtime import bus
from tests.support import trust
from tests.support.secured_edges import (
    KETTLE,
    KEY,
    LAMP,
    OTHER_KEY,
    Site,
    authority,
    key_of,
)


@pytest.fixture
async def site(redis_url: str, nats_url: str) -> AsyncIterator[Site]:
    """An installation that knows two keys and trusts a factory."""
    await trust.introduce(redis_url)
    async with trust.writer(redis_url) as writer, bus.connection(nats_url) as nats:
        await writer.put([key_of(KETTLE, KEY), key_of(LAMP, OTHER_KEY), authority()])
        yield Site(redis_url, nats_url, nats)
