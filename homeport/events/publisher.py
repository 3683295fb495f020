"""Publishing facts: all of a batch or none, one acknowledgement."""

import asyncio
import secrets
from collections.abc import Sequence

import orjson
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.errors import APIError

from homeport.errors import Unavailable
from homeport.events import client
from homeport.events.client import BusClient
from homeport.events.cloudevents import Envelope, headers

MAX_BATCH = 500
"""Events a batch; the server's limit is 1,000."""

_REPEATED_ID = 10201
"""A batch with a message id seen before is refused whole (nats-server 2.15)."""


async def publish(
    nats: BusClient, envelopes: Sequence[Envelope], *, timeout_seconds: float = 5
) -> None:
    """Publish up to MAX_BATCH events in order; return when the stream has them.

    An event published before is dropped by its id, so repeating is harmless. Raises
    Unavailable when the stream did not acknowledge: nothing or everything may have
    arrived, and the caller publishes again.
    """
    if not envelopes:
        return
    try:
        if len(envelopes) > 1 and await _publish_atomically(
            nats, envelopes, timeout_seconds
        ):
            return
        await _publish_singly(nats, envelopes, timeout_seconds)
    except (NatsError, APIError, TimeoutError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise Unavailable("NATS", reason) from error


async def _publish_atomically(
    nats: BusClient, envelopes: Sequence[Envelope], timeout_seconds: float
) -> bool:
    """Publish as one atomic batch (ADR-50); False when an id was seen before."""
    batch = secrets.token_hex(8)
    await nats.publish_encoded(
        [
            client.encode(
                envelope.subject,
                headers(envelope)
                | {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(sequence)},
                envelope.body,
            )
            for sequence, envelope in enumerate(envelopes[:-1], 1)
        ]
    )
    last = envelopes[-1]
    answer = await nats.request(
        last.subject,
        last.body,
        timeout=timeout_seconds,
        headers=headers(last)
        | {
            "Nats-Batch-Id": batch,
            "Nats-Batch-Sequence": str(len(envelopes)),
            "Nats-Batch-Commit": "1",
        },
    )
    error = orjson.loads(answer.data).get("error") if answer.data else None
    if error is None:
        return True
    if error.get("err_code") == _REPEATED_ID:
        return False
    raise Unavailable("NATS", error.get("description", "the batch was refused"))


async def _publish_singly(
    nats: BusClient, envelopes: Sequence[Envelope], timeout_seconds: float
) -> None:
    jetstream = nats.jetstream(timeout=timeout_seconds)
    try:
        await asyncio.gather(
            *(
                jetstream.publish(
                    envelope.subject, envelope.body, headers=headers(envelope)
                )
                for envelope in envelopes
            )
        )
    except NoRespondersError as error:
        raise Unavailable("NATS", "no stream takes the events") from error
