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
    """Make the stream, or bring it to these limits; harmless when repeated.

    One that is as it should be is left alone: in a cluster a change has to be agreed
    on, and services start together.
    """
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
        found = (await jetstream.stream_info(subjects.STREAM)).config
    except NotFoundError:
        await jetstream.add_stream(wanted)
    else:
        if not _is_as(found, wanted):
            await jetstream.update_stream(wanted)


def _is_as(found: StreamConfig, wanted: StreamConfig) -> bool:
    """Say whether a stream has all that is wanted of it."""
    said = {name: each for name, each in vars(wanted).items() if each is not None}
    again = said.pop("republish")
    goes_on = found.republish
    return (
        goes_on is not None
        and (goes_on.src, goes_on.dest) == (again.src, again.dest)
        and all(getattr(found, name) == each for name, each in said.items())
    )
