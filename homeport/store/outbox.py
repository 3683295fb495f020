"""Outboxes: what the script recorded and the bus has not acknowledged."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from redis.asyncio import RedisCluster

from homeport.names import EdgeId
from homeport.store import keys
from homeport.store.connection import Connection, reaching
from homeport.store.scripts import OUTBOX, RELEASE

LEASE_MILLISECONDS = 5_000


class Entry(NamedTuple):
    """One event: ``head`` is its id, fact, account and time, ``body`` its JSON."""

    bucket: int
    position: str
    head: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Share:
    """The buckets that a publisher may publish now, and what they hold, in order."""

    leased: frozenset[int]
    entries: Sequence[Entry]


async def oldest(connection: Connection, bucket: int) -> int | None:
    """Return when the first event that waits in a bucket was recorded.

    In milliseconds of Redis' clock; None where none waits. Raises Unavailable.
    """
    with reaching():
        found: Any = await connection.xrange(keys.outbox(bucket), count=1)
    return int(found[0][0].partition(b"-")[0]) if found else None


class Outbox:
    """The outboxes of all buckets, as one publisher sees them."""

    def __init__(self, connection: Connection, publisher: EdgeId) -> None:
        self._redis = connection
        self._cluster = isinstance(connection, RedisCluster)
        self._publisher = publisher

    async def collect(
        self, wanted: Sequence[int], acknowledged: Mapping[int, str], *, most: int
    ) -> Share:
        """Trim what was acknowledged, lease what is free, read what comes next.

        ``acknowledged`` is the last position of a bucket that the bus has. Reading does
        not remove: what is never acknowledged is read again, by whoever leases then.
        """
        if not self._cluster:
            return await self._collect(wanted, acknowledged, most)
        shares = await asyncio.gather(
            *(self._collect([bucket], acknowledged, most) for bucket in wanted)
        )
        return Share(
            frozenset().union(*(share.leased for share in shares)),
            [entry for share in shares for entry in share.entries],
        )

    async def vacant(self, buckets: Sequence[int]) -> frozenset[int]:
        """Return those of some buckets that nobody has leased."""
        with reaching():
            held = await asyncio.gather(
                *(self._redis.exists(keys.lease(bucket)) for bucket in buckets)
            )
        return frozenset(
            bucket for bucket, is_held in zip(buckets, held, strict=True) if not is_held
        )

    async def release(self, buckets: Sequence[int]) -> None:
        """Let go of leases that this publisher holds."""
        for bucket in buckets:
            await RELEASE(self._redis, [keys.lease(bucket)], [self._publisher])

    async def _collect(
        self, wanted: Sequence[int], acknowledged: Mapping[int, str], most: int
    ) -> Share:
        if not wanted:
            return Share(frozenset(), ())
        arguments: list[str | int] = [self._publisher, LEASE_MILLISECONDS, most]
        for bucket in wanted:
            arguments += (bucket, acknowledged.get(bucket, ""))
        leased, flat = await OUTBOX(self._redis, [keys.outbox(wanted[0])], arguments)
        parts = iter(flat)
        return Share(
            frozenset(int(bucket) for bucket in leased),
            [
                Entry(int(bucket), position.decode(), head, body)
                for bucket, position, head, body in zip(
                    parts, parts, parts, parts, strict=True
                )
            ],
        )
