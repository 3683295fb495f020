"""What JetStream says, in our words: its events, and its faults."""

from collections.abc import Iterator
from contextlib import contextmanager

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from homeport.errors import Unavailable
from homeport.events.cloudevents import TRACEPARENT
from services.notifier.channels.messages import Taken

ANSWER_SECONDS = 2.0
"""How long the server may take to answer."""


def taken(message: Msg) -> Taken:
    """Read an event as the stream gave it."""
    metadata = message.metadata
    return Taken(
        metadata.sequence.stream,
        int(metadata.timestamp.timestamp() * 1000),
        message.data,
        (message.headers or {}).get(TRACEPARENT, ""),
    )


@contextmanager
def reported() -> Iterator[None]:
    """Raise Unavailable for whatever NATS or the way to it does wrong."""
    try:
        yield
    except (NatsError, JetStreamError, TimeoutError, OSError) as error:
        raise Unavailable("NATS", str(error) or type(error).__name__) from error
