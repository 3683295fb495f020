"""Channels to which nothing happens: a place in PostgreSQL, and nothing in NATS.

A consumer takes 50 kB in the server, whether anything comes or not. So a channel has
one only while it has something to deliver. The consumer is the authority while it is
there, the place is when it is not; whoever changes from one to the other holds the
claim of the channel.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.errors import Unavailable
from homeport.events import subjects
from homeport.events.client import BusClient
from homeport.names import AccountId
from homeport.runtime.tasks import end, vital
from services.notifier import observability
from services.notifier.channels import consumers
from services.notifier.channels.channels import Channel
from services.notifier.channels.consumers import Inbox
from services.notifier.channels.delivery import INTERRUPTION_SECONDS
from services.notifier.stream import drops
from services.notifier.stream.cursors import Cursor, Cursors
from services.notifier.stream.places import Places
from services.notifier.stream.wakes import Armed, Wakes

TURNS = 50
"""How many channels may be looked at at once: all of them begin together."""


class Resting:
    """All methods raise Unavailable when NATS or PostgreSQL is away."""

    def __init__(
        self, nats: BusClient, cursors: Cursors, places: Places, wakes: Wakes
    ) -> None:
        self._nats = nats
        self.cursors = cursors
        self.places = places
        self._wakes = wakes
        self._turns = asyncio.Semaphore(TURNS)
        self._opened: set[str] = set()
        self._last = 0

    async def collect(self, key_id: str, account: AccountId) -> None:
        """Keep a key's events from now on, unless they are kept; harmless repeated."""
        place = (await self.places.bounds()).last
        await self.cursors.begin(key_id, account, place)

    def inbox(self, channel: Channel) -> AbstractAsyncContextManager[Inbox]:
        """Open a channel's consumer, which begins where the channel has come to."""
        return self._inbox(channel)

    async def serve(
        self, deliver: Callable[[Channel], Awaitable[bool]], channel: Channel
    ) -> None:
        """Deliver whenever there is something to be delivered, and rest otherwise.

        ``deliver`` returns when nothing has come for a while, False when there is
        nobody any more to deliver to. While a server is away, keep trying.
        """
        attended = True
        while attended:
            try:
                if armed := await self.rest(channel):
                    await armed.happens()
            except Unavailable as error:
                observability.record_interrupted(channel, str(error))
                await asyncio.sleep(INTERRUPTION_SECONDS)
            else:
                attended = await deliver(channel)

    async def rest(self, channel: Channel) -> Armed | None:
        """Let a channel rest to which nothing happens; return what it waits for then.

        None where something does happen.
        """
        async with self._turns:
            armed = await self._wakes.arm(channel.account)
            settle = self._leave if channel.key_id in self._opened else self._stay
            place = await settle(channel)
            if place is None:
                return None
            armed.seen(place)
            return armed

    async def state(self, key_id: str, account: AccountId) -> Cursor:
        """Return how many events wait for a key, and how many it has lost."""
        cursor = await self.cursors.get(key_id) or Cursor(key_id, account, 0)
        progress = await consumers.progress(self._nats, key_id)
        if progress is not None:
            return replace(cursor, waiting=progress.waiting)
        return await drops.look(cursor, [subjects.of_account(account)], self.places)

    async def discard(self, key_id: str) -> None:
        """Forget where a key's channel has come to, for good."""
        await consumers.discard(self._nats, key_id)
        await self.cursors.forget([key_id])
        self._opened.discard(key_id)

    async def _stay(self, channel: Channel) -> int | None:
        """Return the place of a channel that nobody has served here, if it may rest.

        Where nothing comes after the place, no consumer has anything, either.
        """
        cursor = await self.cursors.get(channel.key_id)
        if cursor is None:
            return None
        if cursor.place > self._last:
            self._last = (await self.places.bounds()).last
        every = [subjects.of_account(channel.account)]
        if cursor.place > self._last or await self.places.waiting(
            every, after=cursor.place
        ):
            return None
        return cursor.place

    async def _leave(self, channel: Channel) -> int | None:
        """Leave a channel to its place, which is returned, if nothing waits for it."""
        last = (await self.places.bounds()).last
        progress = await consumers.progress(self._nats, channel.key_id)
        if progress is None or progress.waiting:
            return None
        await self.cursors.save(channel.key_id, channel.account, last)
        await consumers.discard(self._nats, channel.key_id)
        self._opened.discard(channel.key_id)
        return last

    @asynccontextmanager
    async def _inbox(self, channel: Channel) -> AsyncIterator[Inbox]:
        cursor = await self.cursors.get(channel.key_id)
        if cursor is not None:
            cursor = await self._found(cursor)
        after = cursor.place if cursor else None
        self._opened.add(channel.key_id)
        async with consumers.inbox(self._nats, channel, after=after) as inbox:
            yield inbox

    async def _found(self, cursor: Cursor) -> Cursor:
        """Return where a channel is, which may have left the stream meanwhile."""
        bounds = await self.places.bounds()
        if bounds.first - 1 <= cursor.place <= bounds.last:
            return cursor
        every = [subjects.of_account(cursor.account)]
        return await drops.take_stock(cursor, every, self.places, self.cursors)


@asynccontextmanager
async def resting(nats: BusClient, engine: AsyncEngine) -> AsyncIterator[Resting]:
    """Entered: channels may rest, and are woken."""
    places = Places(nats)
    wakes = Wakes(nats, places)
    watching = vital(wakes.watch())
    try:
        with observability.resting(wakes.resting):
            yield Resting(nats, Cursors(engine), places, wakes)
    finally:
        await end(watching)
