"""Telling those who publish an outbox that something waits in it.

A bell is heard at once or not at all: whoever publishes looks by itself, too, and later
(`homeport.runtime.relay`). Bells go over the bus that events have to go over anyway.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager, suppress
from functools import partial

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from homeport.errors import Unavailable
from homeport.events import subjects
from homeport.events.client import BusClient, Ear
from homeport.runtime.tasks import end

GATHER_SECONDS = 0.005
"""So long a bucket's bell is silent after it has rung: then it rings for all since."""


async def ring(nats: BusClient, buckets: Iterable[int]) -> None:
    """Say that something waits in buckets; raise Unavailable."""
    try:
        for bucket in buckets:
            await nats.publish(subjects.outbox(bucket))
    except (NatsError, OSError) as error:
        raise Unavailable("NATS", str(error) or type(error).__name__) from error


class Bells:
    """The bells of one connection; ``heard`` is called with a bucket that rings."""

    def __init__(
        self, nats: BusClient, heard: Callable[[Collection[int]], None]
    ) -> None:
        self._nats = nats
        self._heard = heard
        self._ears: dict[int, Ear] = {}
        self._due: set[int] = set()
        self._ringing: asyncio.Task[None] | None = None

    async def listen(self, buckets: Collection[int]) -> None:
        """Hear the bells of these buckets from now on; raise Unavailable.

        Their own are not to be rung here, and others are not heard any more.
        """
        wanted = set(buckets)
        try:
            for bucket in self._ears.keys() - wanted:
                await self._nats.forget(self._ears.pop(bucket))
            for bucket in wanted - self._ears.keys():
                self._ears[bucket] = await self._nats.listen(
                    subjects.outbox(bucket), partial(self._hear, bucket)
                )
        except (NatsError, OSError) as error:
            raise Unavailable("NATS", str(error) or type(error).__name__) from error

    def ring(self, buckets: Iterable[int]) -> None:
        """Ring the bells of those buckets that are not listened for here."""
        self._due.update(bucket for bucket in buckets if bucket not in self._ears)
        if self._due and self._ringing is None:
            self._ringing = asyncio.create_task(self._ring())

    async def close(self) -> None:
        """Ring no more."""
        if self._ringing is not None:
            await end(self._ringing)

    async def _ring(self) -> None:
        """Ring what is due; while the bus is away, nobody could publish, either."""
        try:
            while self._due:
                due, self._due = sorted(self._due), set()
                if self._nats.is_connected:
                    with suppress(Unavailable):
                        await ring(self._nats, due)
                await asyncio.sleep(GATHER_SECONDS)
        finally:
            self._ringing = None

    def _hear(self, bucket: int, _: Msg) -> None:
        self._heard([bucket])


@asynccontextmanager
async def bells(
    nats: BusClient, heard: Callable[[Collection[int]], None]
) -> AsyncIterator[Bells]:
    """Entered: bells may be rung, and heard."""
    made = Bells(nats, heard)
    try:
        yield made
    finally:
        await made.close()
