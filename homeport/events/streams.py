"""The stream of all facts, made or brought up to date at every start."""

from dataclasses import dataclass

from nats.js import JetStreamContext
from nats.js.api import (
    DiscardPolicy,
    RePublish,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError

from homeport.events import subjects


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What the stream may hold; the oldest facts go first.

    The duplicate window bounds how late a fact may be published again unnoticed. The
    server's silent limit is 1,000 consumers, hence the explicit number.
    """

    max_age_seconds: float = 24 * 3600
    max_bytes: int = 10 * 2**30
    duplicate_window_seconds: float = 300
    max_consumers: int = 20_000
    replicas: int = 1


async def ensure(jetstream: JetStreamContext, limits: StreamLimits) -> None:
    """Make the stream, or bring it to these limits; harmless when repeated."""
    wanted = StreamConfig(
        name=subjects.STREAM,
        subjects=[subjects.EVERYTHING],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_age=limits.max_age_seconds,
        max_bytes=limits.max_bytes,
        duplicate_window=limits.duplicate_window_seconds,
        max_consumers=limits.max_consumers,
        num_replicas=limits.replicas,
        allow_atomic=True,
        allow_direct=True,
        republish=RePublish(src=subjects.EVERYTHING, dest=subjects.STORED),
    )
    try:
        await jetstream.stream_info(subjects.STREAM)
    except NotFoundError:
        await jetstream.add_stream(wanted)
    else:
        await jetstream.update_stream(wanted)
