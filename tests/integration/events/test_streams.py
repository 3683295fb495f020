"""The stream is made, and brought up to date."""

import pytest
from nats.js import JetStreamContext
from nats.js.api import StreamConfig, StreamInfo

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


async def test_a_stream_that_is_as_it_should_be_is_left_alone(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    updated: list[StreamConfig] = []
    update = JetStreamContext.update_stream

    async def note(jetstream: JetStreamContext, wanted: StreamConfig) -> StreamInfo:
        updated.append(wanted)
        return await update(jetstream, wanted)

    async with bus.connection(nats_url) as nats:
        jetstream = nats.jetstream()
        monkeypatch.setattr(JetStreamContext, "update_stream", note)
        await streams.ensure(jetstream, StreamLimits())
        assert updated == []
        config = (await jetstream.stream_info(subjects.STREAM)).config
        config.republish = None
        await update(jetstream, config)
        await streams.ensure(jetstream, StreamLimits())
        await streams.ensure(jetstream, StreamLimits())
    assert len(updated) == 1
