"""What JetStream says, in our words: its events, and its faults."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from homeport.errors import Unavailable
from homeport.events.cloudevents import TRACEPARENT
from services.notifier.channels.messages import Taken

ANSWER_SECONDS = 2.0
"""How long the server may take to answer."""


_TOKENS = 9
"""Of a reply's subject where it names no domain."""


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


@contextmanager
def reported() -> Iterator[None]:
    """Raise Unavailable for whatever NATS or the way to it does wrong."""
    try:
        yield
    except (NatsError, JetStreamError, TimeoutError, OSError) as error:
        raise Unavailable("NATS", str(error) or type(error).__name__) from error
