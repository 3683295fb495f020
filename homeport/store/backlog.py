"""How much the registration store holds, and how long its events have waited."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from homeport.store import keys
from homeport.store.connection import Connection, reaching

BUCKETS_AT_ONCE = 256
"""What one round trip asks about; more would hold up the server."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is in all buckets together.

    ``oldest`` is when the event that has waited longest was recorded, in milliseconds
    of Redis' clock; None where none waits. ``replaced`` counts the refreshes that gave
    way to newer ones while the bus was away.
    """

    registrations: int
    events: int
    oldest: int | None
    replaced: int


async def look(connection: Connection, *, buckets: int) -> Backlog:
    """Add up all buckets; raise Unavailable."""
    found: list[Backlog] = []
    for first in range(0, buckets, BUCKETS_AT_ONCE):
        some = range(first, min(first + BUCKETS_AT_ONCE, buckets))
        found += await _look(connection, some)
    return Backlog(
        sum(each.registrations for each in found),
        sum(each.events for each in found),
        min((each.oldest for each in found if each.oldest is not None), default=None),
        sum(each.replaced for each in found),
    )


async def _look(connection: Connection, buckets: Sequence[int]) -> list[Backlog]:
    pipeline = connection.pipeline(transaction=False)
    for bucket in buckets:
        pipeline.zcard(keys.expiry(bucket))
        pipeline.xlen(keys.outbox(bucket))
        pipeline.xrange(keys.outbox(bucket), count=1)
        pipeline.get(keys.replaced(bucket))
    with reaching():
        answers = iter(await pipeline.execute())
    return [
        _backlog(*each) for each in zip(answers, answers, answers, answers, strict=True)
    ]


def _backlog(
    registrations: int, events: int, first: Sequence[Any], replaced: bytes | None
) -> Backlog:
    oldest = int(first[0][0].partition(b"-")[0]) if first else None
    return Backlog(registrations, events, oldest, int(replaced or 0))
