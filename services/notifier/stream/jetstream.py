"""What JetStream says, in our words: its events, and its faults."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from homeport.errors import InvalidFormat, Unavailable
from homeport.events.cloudevents import TRACEPARENT
from services.notifier.channels.messages import Taken

ANSWER_SECONDS = 2.0
"""How long the server may take to answer."""


_TOKENS = 9
"""Of a reply's subject where it names no domain."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Mark(NamedTuple):
    """What the server says of an event that it gives out (nats-architecture, ADR-15).

    ``place`` is where it stands in the stream, ``number`` which one of its consumer it
    is, ``time`` when the stream took it, in nanoseconds since 1970, and ``waiting`` how
    many come after it.
    """

    place: int
    number: int
    time: int
    waiting: int


def mark(message: Msg) -> Mark:
    """Read the mark of an event; nats-py's takes as long as the event itself."""
    tokens = message.reply.split(".")
    first = 5 if len(tokens) == _TOKENS else 7
    return Mark(*map(int, tokens[first : first + 4]))


def taken(message: Msg, mark: Mark) -> Taken:
    """Read an event as the stream gave it."""
    headers = message.headers or {}
    return Taken(
        mark.place, mark.time // 1_000_000, message.data, headers.get(TRACEPARENT, "")
    )


def stored(message: Msg) -> tuple[Taken, int]:
    """Read an event that is published again (nats-architecture, ADR-28).

    Returns it with the place of the one before it on its subject, 0 where there is
    none. Raises InvalidFormat.
    """
    headers = message.headers or {}
    try:
        time = datetime.fromisoformat(headers["Nats-Time-Stamp"])
        event = Taken(
            int(headers["Nats-Sequence"]),
            (time - _EPOCH) // _MILLISECOND,
            message.data,
            headers.get(TRACEPARENT, ""),
        )
        return event, int(headers["Nats-Last-Sequence"])
    except (KeyError, ValueError, TypeError) as error:
        raise InvalidFormat(
            "stored event", f"{type(error).__name__} {error}"
        ) from error


@contextmanager
def reported() -> Iterator[None]:
    """Raise Unavailable for whatever NATS or the way to it does wrong."""
    try:
        yield
    except (NatsError, JetStreamError, TimeoutError, OSError) as error:
        raise Unavailable("NATS", str(error) or type(error).__name__) from error
