"""Channels and consumers for which nobody reads: what waits for them, what they lose.

One replica at a time looks at the places, before the stream moves past them: at those
of named consumers always, since their lag is shown, at those of channels in the older
half of the stream.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from homeport.errors import Unavailable
from homeport.events import subjects
from services.notifier import observability
from services.notifier.channels.claims import Claims
from services.notifier.channels.store import ChannelStore
from services.notifier.named_consumers.consumer_store import ConsumerStore
from services.notifier.stream import drops
from services.notifier.stream.cursors import Cursor, Cursors
from services.notifier.stream.places import Places

PAGE = 500
UNUSED = timedelta(hours=48)
"""Where nobody has had a channel for so long, what waits for its key is lost."""

_SWEEP = "unattended"
"""The claim of the replica that looks."""


@dataclass(frozen=True, slots=True)
class Stores:
    """What is kept in PostgreSQL."""

    channels: ChannelStore
    consumers: ConsumerStore
    cursors: Cursors


class Unattended:
    """Looks again and again; any number of replicas may.

    ``claims`` opens claims of its own: those that its replica has would let it in.
    """

    def __init__(
        self,
        places: Places,
        stores: Stores,
        *,
        claims: Callable[[], AbstractAsyncContextManager[Claims]],
        seconds: float,
    ) -> None:
        self._places = places
        self._stores = stores
        self._claims = claims
        self._seconds = seconds

    async def run(self) -> None:
        """Look for ever; while a server is away, wait."""
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self.look()
            except Unavailable as error:
                observability.record_unattended_wait(str(error))

    async def look(self) -> None:
        """Look once, unless somebody else does; raise Unavailable."""
        async with self._claims() as held:
            if not await held.claim([_SWEEP]):
                observability.record_unattended(0, 0, 0)
                return
            await self._count()
            await self._stores.cursors.expire(UNUSED)

    async def _count(self) -> None:
        """Look at the places, and show what waits for named consumers."""
        named = {each.id: each for each in await self._stores.consumers.all()}
        keys = await self._stores.channels.keys()
        bounds = await self._places.bounds()
        lags, oldest = [], None
        async for cursor in self._cursors():
            if consumer := named.get(cursor.owner):
                filters = consumer.selection.subjects(consumer.account)
                lags.append((await self._look(cursor, filters)).waiting)
            elif cursor.place < (bounds.first + bounds.last) // 2:
                every = [subjects.of_account(cursor.account)]
                found = await self._look(cursor, every)
                waits = found.waiting and cursor.owner in keys
                if waits and (oldest is None or found.place < oldest.place):
                    oldest = found
        age = await self._age(oldest) if oldest is not None else 0
        observability.record_unattended(sum(lags), max(lags, default=0), age)

    async def _age(self, cursor: Cursor) -> float:
        """Return how many seconds a cursor's next event has been in the stream."""
        subject = subjects.of_account(cursor.account)
        came = await self._places.time(subject, after=cursor.place)
        return (datetime.now(UTC) - came).total_seconds() if came else 0

    async def _look(self, cursor: Cursor, filters: Sequence[str]) -> Cursor:
        return await drops.take_stock(
            cursor, filters, self._places, self._stores.cursors
        )

    async def _cursors(self) -> AsyncIterator[Cursor]:
        after = ""
        while page := await self._stores.cursors.page(after=after, most=PAGE):
            for cursor in page:
                yield cursor
            after = page[-1].owner
