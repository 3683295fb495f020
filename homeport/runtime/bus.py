"""The NATS connection of a process, and the stream that it relies on."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from homeport.errors import Unavailable
from homeport.events import bounds, streams, subjects
from homeport.events.client import BusClient
from homeport.events.streams import StreamLimits
from homeport.names import DeviceId, EdgeId

ANSWER_SECONDS = 2
CHECK_SECONDS = 1
FIRST_ATTEMPTS = 1
"""To come back to a server at the start: that it is away is its caller's to tell."""

_log = structlog.get_logger()


@asynccontextmanager
async def connection(
    url: str, limits: StreamLimits | None = None
) -> AsyncIterator[BusClient]:
    """Connect, make sure of the stream, and stay connected; close when left.

    ``url`` may name several servers of a cluster, with commas.

    Raises Unavailable when the first connection or the stream fails; later the client
    connects again by itself.
    """
    faults: deque[str] = deque(["does not answer"], maxlen=1)

    async def on_error(error: Exception) -> None:
        faults.append(str(error) or type(error).__name__)
        _log.debug("bus", error=faults[0])

    async def on_disconnected() -> None:
        if not client.is_closed:
            _log.warning("bus away")

    async def on_reconnected() -> None:
        _log.info("bus back")

    client = BusClient()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(client.close)  # of a half-made connection too
        try:
            await client.connect(
                url.split(","),
                error_cb=on_error,
                disconnected_cb=on_disconnected,
                reconnected_cb=on_reconnected,
                max_reconnect_attempts=FIRST_ATTEMPTS,
                reconnect_time_wait=1,
                connect_timeout=ANSWER_SECONDS,
                allow_reconnect=True,
                pending_size=64 * 2**20,
            )
        except (NatsError, OSError, TimeoutError) as error:
            raise Unavailable("NATS", faults[0]) from error
        client.options["max_reconnect_attempts"] = -1
        await _ensure(client, limits or StreamLimits())
        if client.max_payload < bounds.LARGEST_MESSAGE:
            _log.warning(
                "bus takes small messages only: large answers of devices are cut off",
                max_payload=client.max_payload,
                wanted=bounds.LARGEST_MESSAGE,
            )
        yield client


async def check(client: BusClient) -> None:
    """Raise Unavailable when JetStream does not answer.

    A client takes minutes to find that its server is silent, hence the question.
    """
    if not client.is_connected:
        raise Unavailable("NATS", "is not connected")
    try:
        await client.jetstream(timeout=CHECK_SECONDS).account_info()
    except (NatsError, JetStreamError, OSError, TimeoutError) as error:
        raise Unavailable("NATS", str(error) or type(error).__name__) from error


async def poke(client: BusClient, edge: str, device: DeviceId) -> None:
    """Tell an edge that a request waits for a device; raise Unavailable.

    Nobody waits for its answer, but it may give one.
    """
    try:
        await client.publish(
            subjects.poke(EdgeId(edge)), device.encode(), reply=client.new_inbox()
        )
    except (NatsError, OSError) as error:
        raise Unavailable("NATS", str(error) or type(error).__name__) from error


async def _ensure(client: BusClient, limits: StreamLimits) -> None:
    try:
        await streams.ensure(client.jetstream(timeout=ANSWER_SECONDS), limits)
    except (NatsError, JetStreamError, TimeoutError) as error:
        raise Unavailable("NATS", str(error) or type(error).__name__) from error
