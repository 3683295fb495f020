"""Publishing facts in their order: each acknowledged, or many with one acknowledgement.

The server stages an atomic batch in files of its own, which takes as long as to store a
hundred events. Fewer are sent one after the other without waiting, unless two are of
one device: had the first of these been lost, the second would be there before it.
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

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
    except (NatsError, TimeoutError, OSError) as error:
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
    inbox = nats.new_inbox()
    batch = f"Nats-Batch-Id: {secrets.token_hex(8)}\r\nNats-Batch-Sequence:"
    messages = [
        client.encode(
            envelope.subject,
            f"{headers(envelope)}{batch} {sequence}\r\n",
            envelope.body,
        )
        for sequence, envelope in enumerate(envelopes[:-1], 1)
    ]
    last = envelopes[-1]
    commit = f"{batch} {len(envelopes)}\r\nNats-Batch-Commit: 1\r\n"
    messages.append(
        client.encode(last.subject, headers(last) + commit, last.body, reply=inbox)
    )
    error = await _send(nats, messages, _Answers(1), inbox, timeout_seconds)
    if error.get("err_code") == _REPEATED_ID:
        return False
    _check(error)
    return True


async def _publish_singly(
    nats: BusClient, envelopes: Sequence[Envelope], timeout_seconds: float
) -> None:
    """Publish all in one write, and wait for as many acknowledgements."""
    inbox = nats.new_inbox()
    messages = [
        client.encode(envelope.subject, headers(envelope), envelope.body, reply=inbox)
        for envelope in envelopes
    ]
    answers = _Answers(len(envelopes))
    _check(await _send(nats, messages, answers, inbox, timeout_seconds))


class _Answers:
    """What the stream says of so many events."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.error = asyncio.get_running_loop().create_future()
        self._missing = count

    def hear(self, answer: Msg) -> None:
        """Take an acknowledgement, or an error, which ends the waiting."""
        self._missing -= 1
        error = _error(answer)
        if (error or not self._missing) and not self.error.done():
            self.error.set_result(error)


async def _send(
    nats: BusClient,
    messages: Sequence[bytes],
    answers: _Answers,
    inbox: str,
    timeout_seconds: float,
) -> Mapping[str, Any]:
    """Send messages, and return the first error that is answered; {} if there is none.

    Raises TimeoutError where the stream does not answer in time.
    """
    ear = await nats.listen(inbox, answers.hear, most=answers.count)
    try:
        await nats.publish_encoded(messages)
        async with asyncio.timeout(timeout_seconds):
            return cast("Mapping[str, Any]", await answers.error)
    finally:
        await nats.forget(ear)


def _error(answer: Msg) -> Mapping[str, Any]:
    """Read what the stream says against an event; {} if nothing (ADR-1)."""
    if not answer.data:
        return {"description": "no stream takes the events"}
    if b'"error"' not in answer.data:
        return {}
    said: Mapping[str, Any] = orjson.loads(answer.data)["error"]
    return said


def _check(error: Mapping[str, Any]) -> None:
    if error:
        raise Unavailable("NATS", error.get("description", "an event was refused"))
