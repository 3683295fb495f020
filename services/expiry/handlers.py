"""Ending what is due and publishing what was left behind.

Any number of replicas may do both at the same time: the script ends a session once,
whoever asks, and a lease lets one publisher at an outbox.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from homeport.events.facts import AnyFact, DeviceRegistered
from homeport.runtime.relay import Relay
from homeport.store.edges import Heartbeats
from homeport.store.operations import Expire, Expired
from homeport.store.outbox import Outbox
from homeport.store.requests import Lapse
from homeport.store.sessions import SessionStore
from services.expiry import observability

LONGEST_SLEEP_SECONDS = 1.0
BUCKETS_AT_ONCE = 8
"""In one script call, during which the store does nothing else."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long sessions may outlive their lifetime, in milliseconds."""

    grace: int
    outage_grace: int


class Alarm:
    """When to sweep next; a registration may pull it forward."""

    def __init__(self) -> None:
        self._due: float = 0
        self._pulled = asyncio.Event()

    def pull(self, due: float) -> None:
        """Wake up at ``due`` (loop time) if that is before what was planned."""
        if due < self._due:
            self._due = due
            self._pulled.set()

    async def sleep_until(self, due: float) -> None:
        """Sleep until ``due`` or what it is pulled to."""
        loop = asyncio.get_running_loop()
        self._due = due
        while (left := self._due - loop.time()) > 0:
            self._pulled.clear()
            try:
                await asyncio.wait_for(self._pulled.wait(), left)
            except TimeoutError:
                return


async def sweep(
    store: SessionStore,
    beats: Heartbeats,
    *,
    buckets: int,
    batch: int,
    patience: Patience,
) -> float | None:
    """End every registration and every device request that is due.

    Return when the next one is, in seconds from now. No registration expires while
    devices cannot reach the platform (B-108); requests do (B-175). Repeating is
    harmless: what has ended is not in the index any more.
    """
    observability.record_outage(outage=beats.outage)
    lapses = await _sweep(store, buckets, batch, lambda bucket: Lapse(bucket, batch))
    observability.record_lapsed(lapses.ended)
    upcoming = [] if lapses.next_due is None else [lapses.next_due]
    if not beats.outage:
        ended = int(beats.outage_ended or 0)
        grace, outage_grace = patience.grace, patience.outage_grace
        expiries = await _sweep(
            store,
            buckets,
            batch,
            lambda bucket: Expire(bucket, batch, grace, ended, outage_grace),
        )
        observability.record_swept(expiries.ended, expiries.postponed)
        if expiries.next_due is not None:
            upcoming.append(expiries.next_due + grace)
    if not upcoming:
        return None
    return max(0.0, (min(upcoming) - beats.now) / 1000)


async def _sweep(
    store: SessionStore,
    buckets: int,
    batch: int,
    operation: Callable[[int], Expire | Lapse],
) -> Expired:
    """Do an operation on every bucket, on those again that have more than a batch."""
    loop = asyncio.get_running_loop()
    waiting = list(range(buckets))
    ended = postponed = 0
    upcoming: list[float] = []
    while waiting:
        sweeps = [operation(bucket) for bucket in waiting[:BUCKETS_AT_ONCE]]
        results = await store.expire(sweeps, now=loop.time())
        full: list[int] = []
        for bucket, result in zip(waiting, results, strict=False):
            ended += result.ended
            postponed += result.postponed
            if result.ended + result.postponed >= batch:
                full.append(bucket)
            elif result.next_due is not None:
                upcoming.append(result.next_due)
        waiting = waiting[BUCKETS_AT_ONCE:] + full
    return Expired(ended, postponed, min(upcoming, default=None))


async def heal(
    relay: Relay, outbox: Outbox, vacant: frozenset[int], *, buckets: int
) -> frozenset[int]:
    """Publish the outboxes that nobody has leased at this look and at the one before.

    Returns what nobody leases now, for the next look: an edge that has just started
    gets a turn's time to take its share. A lease keeps two publishers apart, and
    repeating is harmless.
    """
    now_vacant = await outbox.vacant(range(buckets))
    if abandoned := sorted(vacant & now_vacant):
        observability.record_healed(await relay.settle(abandoned))
    return now_vacant


async def wake_for(facts: Sequence[AnyFact], alarm: Alarm, patience: Patience) -> None:
    """Wake up in time for registrations that end before the next planned sweep.

    Waking up too often is harmless, so facts may come twice.
    """
    loop = asyncio.get_running_loop()
    for fact in facts:
        if isinstance(fact, DeviceRegistered):
            alarm.pull(loop.time() + fact.lifetime + patience.grace / 1000)
