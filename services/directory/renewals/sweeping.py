"""Ending the renewals that nobody else ends any more (`homeport.runtime.sweeping`).

The clock is read at each look, for that is all that it is needed for here.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from homeport import names
from homeport.events import subjects
from homeport.events.client import BusClient
from homeport.runtime.course import course
from homeport.runtime.sweeping import Ends, Sweeper
from homeport.store.clock import StoreClock
from homeport.store.connection import Connection
from homeport.store.edges import EdgeRegistry
from homeport.store.queue import RequestQueue
from homeport.store.sessions import SessionStore
from services.directory import observability
from services.directory.config import DirectorySettings
from services.directory.renewals.enrollments import Enrollment, EnrollmentStore

Look = Callable[[], Awaitable[None]]


def sweep(
    settings: DirectorySettings,
    redis: Connection,
    nats: BusClient,
    stored: EnrollmentStore,
) -> Look:
    """Make what looks for them once; it raises Unavailable."""
    clock = StoreClock(asyncio.get_running_loop().time)
    registry = EdgeRegistry(redis, clock)
    sessions = SessionStore(
        redis, clock, edge=names.new_edge_id("directory"), buckets=settings.buckets
    )
    made = Sweeper(
        stored,
        RequestQueue(redis, sessions),
        course(redis, nats, subjects.RENEWALS_DURABLE),
        ends(stored),
        clock=clock,
        buckets=settings.buckets,
        seconds=settings.renewal_sweep_seconds,
    )

    async def look() -> None:
        await registry.look()
        await made.look()

    return look


def ends(stored: EnrollmentStore) -> Ends[Enrollment]:
    """Make what is done with a renewal that is lost."""

    async def end(enrollment: Enrollment) -> None:
        if await stored.lose(enrollment, now=datetime.now(UTC)):
            observability.record_renewal_lost(enrollment.id)

    return Ends(end, observability.record_sweep_waits)
