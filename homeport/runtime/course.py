"""How far events have come, asked of the servers that they pass."""

from functools import partial

from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from homeport.errors import Unavailable
from homeport.events import subjects
from homeport.events.client import BusClient
from homeport.runtime.sweeping import Course
from homeport.store import outbox
from homeport.store.connection import Connection

_ANSWER_SECONDS = 2.0


def course(redis: Connection, nats: BusClient, durable: str) -> Course:
    """Make what a `Sweeper` asks; ``durable`` is the consumer that notes events."""
    return Course(
        unpublished=partial(outbox.oldest, redis),
        last=partial(_last, nats),
        noted=partial(_noted, nats, durable),
    )


async def _last(nats: BusClient) -> int:
    try:
        found = await nats.jetstream(timeout=_ANSWER_SECONDS).stream_info(
            subjects.STREAM
        )
    except (NatsError, JetStreamError, TimeoutError, OSError) as error:
        raise Unavailable("NATS", str(error) or type(error).__name__) from error
    return found.state.last_seq


async def _noted(nats: BusClient, durable: str) -> int:
    """Return up to which place a consumer has noted everything.

    A consumer passes over what it does not want: once it has taken all, its floor says
    less than it knows.
    """
    jetstream = nats.jetstream(timeout=_ANSWER_SECONDS)
    try:
        last = (await jetstream.stream_info(subjects.STREAM)).state.last_seq
        found = await jetstream.consumer_info(subjects.STREAM, durable)
    except NotFoundError:
        return 0
    except (NatsError, JetStreamError, TimeoutError, OSError) as error:
        raise Unavailable("NATS", str(error) or type(error).__name__) from error
    if not found.num_pending and not found.num_ack_pending:
        return last
    return found.ack_floor.stream_seq if found.ack_floor else 0
