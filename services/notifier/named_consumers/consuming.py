"""Named consumers, as callers set them up, look at them and read for them."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from homeport.errors import InvalidParameter
from homeport.names import AccountId
from services.notifier.named_consumers.consumer_readers import Reader, Readers
from services.notifier.named_consumers.consumer_store import ConsumerStore
from services.notifier.named_consumers.named_consumers import NamedConsumer, Selection
from services.notifier.stream import drops
from services.notifier.stream.cursors import Cursor, Cursors
from services.notifier.stream.places import Places


class Start(Enum):
    """Where a consumer begins that is given no time."""

    NOW = auto()
    FIRST = auto()


@dataclass(frozen=True, slots=True)
class State:
    """How it goes with a consumer."""

    consumer: NamedConsumer
    cursor: Cursor
    connected: bool


class Consuming:
    """All methods raise Unavailable when NATS or PostgreSQL is away."""

    def __init__(
        self, stored: ConsumerStore, cursors: Cursors, places: Places, readers: Readers
    ) -> None:
        self.stored = stored
        self._cursors = cursors
        self._places = places
        self._readers = readers

    async def put(
        self,
        account: AccountId,
        name: str,
        selection: Selection,
        *,
        start: Start | datetime,
    ) -> bool:
        """Make a consumer, or give it another selection; return whether it was made.

        One that is there stays where it is. Whoever reads for it comes again. Repeating
        is harmless. Raises InvalidParameter where the account has as many as it may.
        """
        place = await self._place(start)
        if await self.stored.add(account, name, selection, place=place):
            return True
        before = await self.stored.change(account, name, selection)
        if before is not None and before.reader:
            await self._readers.end(before.id)
        return False

    async def state(self, consumer: NamedConsumer) -> State:
        """Look how it goes with a consumer just now."""
        return State(
            consumer, await self._look(consumer), await self._readers.is_there(consumer)
        )

    async def move(self, consumer: NamedConsumer, to: int | Start | datetime) -> None:
        """Say that all up to a place is taken, or that the consumer goes back to it.

        A reader that is there goes on from where it is. Raises InvalidParameter for a
        place that the stream has not come to.
        """
        if isinstance(to, int):
            if to > (await self._places.bounds()).last:
                raise InvalidParameter("sequence", "is ahead of the stream")
            place = to
        else:
            place = await self._place(to)
        await self._cursors.move(consumer.id, place)

    async def advance(self, consumer: NamedConsumer, place: int) -> None:
        """Say that all up to a place is taken, unless more is."""
        await self._cursors.advance({consumer.id: place})

    async def remove(self, account: AccountId, name: str) -> bool:
        """Remove a consumer; whoever reads for it ends. False where there is none."""
        removed = await self.stored.remove(account, name)
        if removed is not None and removed.reader:
            await self._readers.end(removed.id)
        return removed is not None

    def reading(
        self, consumer: NamedConsumer, *, last: int | None
    ) -> AbstractAsyncContextManager[Reader | None]:
        """Read for a consumer, as the newest; None where it has just been removed.

        ``last`` is the event that the client has had last, if it says so: all up to
        there is taken then, and nothing after it. An event of another stream, which was
        lost, says nothing.
        """
        return self._reading(consumer, last)

    async def is_newest(self, consumer: NamedConsumer, reader: Reader) -> bool:
        """Say whether a reader may go on."""
        return await self._readers.is_newest(consumer, reader)

    @asynccontextmanager
    async def _reading(
        self, consumer: NamedConsumer, last: int | None
    ) -> AsyncIterator[Reader | None]:
        if last is not None and last <= (await self._places.bounds()).last:
            await self._cursors.move(consumer.id, last)
        cursor = await self._look(consumer)
        async with self._readers.open(consumer, place=cursor.place) as reader:
            yield reader

    async def _look(self, consumer: NamedConsumer) -> Cursor:
        """Count what waits for a consumer, and what left the stream before it came."""
        cursor = await self._cursors.get(consumer.id)
        if cursor is None:  # it has just been removed
            return Cursor(consumer.id, consumer.account, 0)
        filters = consumer.selection.subjects(consumer.account)
        return await drops.take_stock(cursor, filters, self._places, self._cursors)

    async def _place(self, start: Start | datetime) -> int:
        if isinstance(start, datetime):
            return await self._places.before(start)
        bounds = await self._places.bounds()
        return bounds.last if start is Start.NOW else bounds.first - 1
