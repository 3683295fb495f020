"""How much waits between the stores, looked at from time to time.

The edges and the consumers cannot tell it: what waits is what they have not seen. Every
replica sees the same, so of what they tell the largest counts.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from nats.js import JetStreamContext

from homeport.errors import Unavailable
from homeport.events import lag
from homeport.store import backlog
from homeport.store.clock import StoreClock
from homeport.store.connection import Connection
from services.expiry import observability

PERIOD_SECONDS = 10.0


class Survey:
    """Looks at the registration store and at the stream."""

    def __init__(
        self,
        redis: Connection,
        clock: StoreClock,
        jetstream: JetStreamContext,
        *,
        buckets: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._redis = redis
        self._clock = clock
        self._jetstream = jetstream
        self._buckets = buckets
        self._now = now

    async def run(self) -> None:
        """Look for ever; where a server is away, its part keeps what it showed."""
        while True:
            for look in (self.look_at_store, self.look_at_stream):
                try:
                    await look()
                except Unavailable as error:
                    observability.record_unseen(str(error))
            await asyncio.sleep(PERIOD_SECONDS)

    async def look_at_store(self) -> None:
        """Show what the registration store holds; raise Unavailable."""
        found = await backlog.look(self._redis, buckets=self._buckets)
        now = self._clock.microseconds(self._clock.now()) / 1e6
        age = 0.0 if found.oldest is None else now - found.oldest / 1e3
        observability.record_backlog(found, age=age)

    async def look_at_stream(self) -> None:
        """Show how full the stream is and who is behind; raise Unavailable."""
        state = await lag.look(self._jetstream)
        observability.record_stream(state, now=self._now().timestamp())
