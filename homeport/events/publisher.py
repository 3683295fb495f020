"""Publishing facts in their order: each acknowledged, or many with one acknowledgement.

The server stages an atomic batch in files of its own, which takes as long as to store a
hundred events. Fewer are sent one after the other without waiting, unless two are of
one device: had the first of these been lost, the second would be there before it.
"""

import asyncio
import secrets
from collections.abc import Sequence

import orjson
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import APIError

from homeport.errors import Unavailable
from homeport.events import client
from homeport.events.client import BusClient
from homeport.events.cloudevents import Envelope, headers

MAX_BATCH = 500
"""Events a batch; the server's limit is 1,000."""

ATOMIC_FROM = 200
"""So many events cost us less in an atomic batch, and the server hardly more."""

_REPEATED_ID = 10201
"""A batch with a message id seen before is refused whole (nats-server 2.15)."""


async def publish(
    nats: BusClient, envelopes: Sequence[Envelope], *, timeout_seconds: float = 5
) -> None:
    """Publish up to MAX_BATCH events in order; return when the stream has them.

    An event published before is dropped by its id, so repeating is harmless. Raises
    Unavailable when the stream did not acknowledge: nothing, some or everything may
    have arrived, and the caller publishes again.
    """
    if not envelopes:
        return
    try:
        if _is_atomic(envelopes) and await _publish_atomically(
            nats, envelopes, timeout_seconds
        ):
            return
        await _publish_singly(nats, envelopes, timeout_seconds)
    except (NatsError, APIError, TimeoutError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise Unavailable("NATS", reason) from error


def _is_atomic(envelopes: Sequence[Envelope]) -> bool:
    count = len(envelopes)
    return count >= ATOMIC_FROM or (
        count > 1 and len({envelope.device for envelope in envelopes}) < count
    )


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
    """Publish all in one write, and wait for as many acknowledgements."""
    answers = _Answers(len(envelopes))
    inbox = nats.new_inbox()
    ear = await nats.listen(inbox, answers.hear, most=len(envelopes))
    try:
        await nats.publish_encoded(
            [
                client.encode(
                    envelope.subject, headers(envelope), envelope.body, reply=inbox
                )
                for envelope in envelopes
            ]
        )
        async with asyncio.timeout(timeout_seconds):
            await answers.complete
    finally:
        await nats.forget(ear)


class _Answers:
    """What the stream says of so many events."""

    def __init__(self, count: int) -> None:
        self._missing = count
        self.complete = asyncio.get_running_loop().create_future()

    def hear(self, answer: Msg) -> None:
        """Take an acknowledgement, or an error, which ends the waiting."""
        self._missing -= 1
        if self.complete.done():
            return
        try:
            _check(answer)
        except Unavailable as error:
            self.complete.set_exception(error)
        else:
            if not self._missing:
                self.complete.set_result(None)


def _check(answer: Msg) -> None:
    """Raise Unavailable unless the stream has taken what it was sent."""
    if not answer.data:
        raise Unavailable("NATS", "no stream takes the events")
    if b'"error"' in answer.data:
        error = orjson.loads(answer.data)["error"]
        raise Unavailable("NATS", error.get("description", "an event was refused"))
