"""The stream is made, and brought up to date."""

import pytest

from homeport.events import streams, subjects
from homeport.events.streams import StreamLimits
from homeport.runtime import bus

pytestmark = pytest.mark.integration


async def test_the_stream_has_the_limits_that_were_asked_for(nats_url: str) -> None:
    async with bus.connection(nats_url, StreamLimits(max_bytes=2**20)) as nats:
        config = (await nats.jetstream().stream_info(subjects.STREAM)).config
    assert config.max_bytes == 2**20
    assert config.max_age == 24 * 3600
    assert config.duplicate_window == 300
    assert config.max_consumers == 20_000
    assert config.allow_atomic is True
    assert config.republish is not None
    assert config.republish.dest == subjects.STORED


async def test_new_limits_reach_a_stream_that_exists(nats_url: str) -> None:
    async with bus.connection(nats_url, StreamLimits()) as nats:
        jetstream = nats.jetstream()
        await streams.ensure(jetstream, StreamLimits(max_age_seconds=3600))
        info = await jetstream.stream_info(subjects.STREAM)
    assert info.config.max_age == 3600
