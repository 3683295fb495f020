"""The inboxes of channels: each begins where its application has come to.

A channel is a place in PostgreSQL, whoever serves it. Who does holds its claim, so only
one at a time moves the place.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.errors import Unavailable
from homeport.events import subjects
from homeport.events.client import BusClient
from homeport.names import AccountId
from homeport.runtime.tasks import end, vital
from services.notifier import observability
from services.notifier.channels.channels import Channel
from services.notifier.stream import drops
from services.notifier.stream.bookmarks import Bookmarks
from services.notifier.stream.cursors import Cursor, Cursors
from services.notifier.stream.feeds import Feeds
from services.notifier.stream.inbox import Inbox, Sources
from services.notifier.stream.places import Places

INTERRUPTION_SECONDS = 1.0
"""How long to wait for a server of ours."""
TURNS = 50
"""How many channels may look into the stream at once: all of them begin together."""

Deliver = Callable[[Channel, Inbox], Awaitable[bool]]
"""Delivers what there is; False where there is nobody any more to deliver to."""


class Inboxes:
    """All methods raise Unavailable when NATS or PostgreSQL is away."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._turns = asyncio.Semaphore(TURNS)

    @property
    def cursors(self) -> Cursors:
        """Where everybody has come to."""
        return self._sources.cursors

    @property
    def places(self) -> Places:
        """The stream's places."""
        return self._sources.places

    async def collect(self, key_id: str, account: AccountId) -> None:
        """Keep a key's events from now on, unless they are kept; harmless repeated."""
        place = (await self.places.bounds()).last
        await self.cursors.begin(key_id, account, place)

    @asynccontextmanager
    async def open(self, channel: Channel) -> AsyncIterator[Inbox]:
        """Open a channel's inbox, for whoever holds its claim."""
        inbox = await self._begin(channel)
        try:
            yield inbox
        finally:
            await inbox.release()
            await self._sources.bookmarks.flush()

    async def serve(self, deliver: Deliver, channel: Channel) -> None:
        """Deliver whenever there is something to be delivered, and rest otherwise.

        While a server of ours is away, keep trying. Beginning again is harmless: what
        is not acknowledged is delivered once more.
        """
        inbox: Inbox | None = None
        attended = True
        try:
            while attended:
                try:
                    async with self._turns:
                        inbox = inbox or await self._begin(channel)
                        waking = await inbox.rest()
                    if waking is not None:
                        await waking
                    attended = await deliver(channel, inbox)
                except Unavailable as error:
                    observability.record_interrupted(channel, str(error))
                    if inbox is not None:
                        await inbox.release()
                    await asyncio.sleep(INTERRUPTION_SECONDS)
        finally:
            if inbox is not None:
                await inbox.release()
            with suppress(Unavailable):  # what is not written down comes once more
                await self._sources.bookmarks.flush()

    async def state(self, key_id: str, account: AccountId) -> Cursor:
        """Return how many events wait for a key, and how many it has lost."""
        cursor = await self.cursors.get(key_id) or Cursor(key_id, account, 0)
        return await drops.look(cursor, [subjects.of_account(account)], self.places)

    async def discard(self, key_id: str) -> None:
        """Forget where a key's channel has come to, for good."""
        await self.cursors.forget([key_id])

    async def _begin(self, channel: Channel) -> Inbox:
        cursor = await self.cursors.get(channel.key_id)
        if cursor is None:
            place = await self.places.before(channel.created_at)
            await self.cursors.begin(channel.key_id, channel.account, place)
        else:
            place = cursor.place
        return Inbox(self._sources, channel.key_id, channel.account, place)


@asynccontextmanager
async def inboxes(nats: BusClient, engine: AsyncEngine) -> AsyncIterator[Inboxes]:
    """Entered: inboxes are fed, and their places kept."""
    places, cursors = Places(nats), Cursors(engine)
    feeds, bookmarks = Feeds(nats, places), Bookmarks(cursors)
    works = [vital(feeds.watch()), vital(bookmarks.keep())]
    try:
        with observability.resting(feeds.resting):
            yield Inboxes(Sources(nats, places, feeds, cursors, bookmarks))
    finally:
        for work in works:
            await end(work)
        with suppress(Unavailable):
            await bookmarks.flush()
