"""How full the stream is, and how far behind its readers are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from homeport.errors import Unavailable
from homeport.events import subjects

PAGE = 256
"""Consumers that the server lists at once."""


class Reader(StrEnum):
    """Who reads the stream."""

    DIRECTORY = "directory"
    EXPIRY = "expiry"
    NOTIFIER = "notifier"
    OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Lag:
    """What the consumers of a reader have not acknowledged, all of them together.

    What channels and named consumers have before them, the notifier knows.

    ``most`` is how much of it a single one has to take. ``oldest`` is when the stream
    took the event that has waited longest, in seconds since 1970; None where there is
    none.
    """

    events: int = 0
    most: int = 0
    oldest: float | None = None


@dataclass(frozen=True, slots=True)
class StreamState:
    """What the stream holds, and what it may hold before the oldest facts go."""

    size_bytes: int
    limit_bytes: int
    lags: Mapping[Reader, Lag] = field(default_factory=dict)


async def look(jetstream: JetStreamContext) -> StreamState:
    """Ask the server; raise Unavailable."""
    try:
        information = await jetstream.stream_info(subjects.STREAM)
        waiting: dict[Reader, list[ConsumerInfo]] = {reader: [] for reader in Reader}
        for consumer in await _consumers(jetstream):
            if _events(consumer) and not subjects.is_replay(consumer.name):
                waiting[_reader(consumer.name)].append(consumer)
        lags = {
            reader: await _lag(jetstream, some) if some else Lag()
            for reader, some in waiting.items()
        }
    except (NatsError, JetStreamError, TimeoutError, OSError) as error:
        raise Unavailable("NATS", str(error) or type(error).__name__) from error
    return StreamState(information.state.bytes, information.config.max_bytes or 0, lags)


async def _consumers(jetstream: JetStreamContext) -> list[ConsumerInfo]:
    found: list[ConsumerInfo] = []
    while True:
        page = await jetstream.consumers_info(subjects.STREAM, offset=len(found))
        found += page
        if len(page) < PAGE:
            return found


async def _lag(jetstream: JetStreamContext, waiting: Sequence[ConsumerInfo]) -> Lag:
    counts = [_events(consumer) for consumer in waiting]
    floors = [
        consumer.ack_floor.stream_seq for consumer in waiting if consumer.ack_floor
    ]
    oldest = await _time(jetstream, min(floors) + 1) if floors else None
    return Lag(sum(counts), max(counts), oldest)


async def _time(jetstream: JetStreamContext, sequence: int) -> float | None:
    """Return when the stream took the first event from a place on."""
    try:
        message = await jetstream.get_msg(
            subjects.STREAM, sequence, subjects.EVERYTHING, next=True
        )
    except NotFoundError:
        return None
    return message.time.timestamp() if message.time else None


def _events(consumer: ConsumerInfo) -> int:
    return (consumer.num_pending or 0) + (consumer.num_ack_pending or 0)


def _reader(name: str) -> Reader:
    match name:
        case subjects.DIRECTORY_DURABLE | subjects.RENEWALS_DURABLE:
            return Reader.DIRECTORY
        case subjects.EXPIRY_DURABLE:
            return Reader.EXPIRY
        case subjects.NOTIFIER_DURABLE:
            return Reader.NOTIFIER
        case _:
            return Reader.OTHERS
