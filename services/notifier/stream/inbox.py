"""An account's events in the order of the stream, from a place on, for one owner.

Where more waits than is heard, a replay takes it from the stream. Once it has come up
to what is heard, events come as the stream takes them, and nothing is kept for their
owner in NATS but an ear. What is heard is bounded: an owner that does not keep up reads
again.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.errors import Unavailable
from homeport.events import subjects
from homeport.events.client import BusClient
from homeport.names import AccountId
from homeport.runtime.tasks import end, vital
from services.notifier import observability
from services.notifier.channels.messages import Taken
from services.notifier.stream import drops
from services.notifier.stream.bookmarks import Bookmarks
from services.notifier.stream.cursors import Cursors
from services.notifier.stream.feeds import Feed, Feeds
from services.notifier.stream.places import Places
from services.notifier.stream.replays import Replay

BATCH = 1_000
PACE_SECONDS = 0.005
"""The time between batches where events come close together; a single one waits not."""
READ_SECONDS = 5.0
"""How long a replay is waited for that should have something."""
MOST_HEARD = 4_000
MOST_HEARD_BYTES = 2**20
"""What may have been heard and not taken, for one owner."""
MOST_HELD_BYTES = 64 * 2**20
"""The same for all owners of a replica."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where events come from, and where it is kept up to which they are taken."""

    nats: BusClient
    places: Places
    feeds: Feeds
    cursors: Cursors
    bookmarks: Bookmarks


@asynccontextmanager
async def sources(nats: BusClient, engine: AsyncEngine) -> AsyncIterator[Sources]:
    """Entered: inboxes are fed, and their places kept."""
    places, cursors = Places(nats), Cursors(engine)
    feeds, bookmarks = Feeds(nats, places), Bookmarks(cursors)
    works = [vital(feeds.watch()), vital(bookmarks.keep())]
    try:
        with observability.resting(feeds.resting):
            yield Sources(nats, places, feeds, cursors, bookmarks)
    finally:
        for work in works:
            await end(work)
        with suppress(Unavailable):  # what is not written down comes once more
            await bookmarks.flush()


class Inbox:
    """All events of an account; what their owner has lost is counted by ``filters``.

    All methods that wait raise Unavailable when NATS or PostgreSQL is away. Whoever
    goes on after that calls `release` first.
    """

    __slots__ = (
        "_account",
        "_came",
        "_feed",
        "_filters",
        "_joined",
        "_next",
        "_owner",
        "_place",
        "_replay",
        "_size",
        "_sources",
        "_taken",
        "_waking",
    )

    def __init__(
        self,
        sources: Sources,
        owner: str,
        account: AccountId,
        place: int,
        *,
        filters: Sequence[str] = (),
    ) -> None:
        self._sources = sources
        self._owner = owner
        self._account = account
        self._filters = filters
        self._place = self._taken = place
        self._feed: Feed | None = None
        self._joined: int | None = None  # the place after which all is heard
        self._came: list[Taken] = []
        self._size = 0
        self._replay: Replay | None = None
        self._waking: asyncio.Future[None] | None = None
        self._next = 0.0

    @property
    def waiting(self) -> int:
        """How many events it has before it, as far as it knows."""
        return self._replay.waiting if self._replay else len(self._came)

    async def rest(self) -> asyncio.Future[None] | None:
        """Return what is done when there is something; None where there may be now."""
        if self._joined is None and self._replay is None:
            await self._join()
        if self._joined is None or self._came:
            return None
        self._waking = asyncio.get_running_loop().create_future()
        return self._waking

    async def take(self) -> list[Taken]:
        """Take the next batch; nothing where there is none just now.

        The next one comes `PACE_SECONDS` after this one at the earliest.
        """
        clock = asyncio.get_running_loop().time
        if self._came and self._next > clock():
            await asyncio.sleep(self._next - clock())
        self._next = clock() + PACE_SECONDS
        if self._joined is None:
            return await self._read()
        batch = self._came[:BATCH]
        if batch:
            self._taken = batch[-1].sequence
            self._hold(self._came[BATCH:])
        return batch

    def acknowledge(self) -> None:
        """Say that the batch taken last, and all before it, is delivered."""
        self._place = self._taken
        self._sources.bookmarks.put(self._owner, self._place)

    async def release(self) -> None:
        """Hold nothing in NATS; what is taken and not acknowledged comes again."""
        if self._feed is not None:
            self._sources.feeds.leave(self._feed, self)
            self.lose()
        self._taken = self._place
        replay, self._replay = self._replay, None
        if replay is not None:
            await replay.close()

    def hear(self, event: Taken, missed: int) -> None:
        """Take what the stream has taken; see `Listener`."""
        if self._joined is not None and missed > self._joined:
            self._taken = min(self._taken, missed - 1)
            self._place = min(self._place, self._taken)
            self._deafen()
            return
        if self._joined is not None and event.sequence <= self._joined:
            return  # it was read before it could be heard
        if self._joined is None and self._came and missed > self._came[0].sequence:
            self._hold([])
        self._came.append(event)
        self._size += len(event.body)
        self._sources.feeds.held += len(event.body)
        if (
            len(self._came) > MOST_HEARD
            or self._size > MOST_HEARD_BYTES
            or self._sources.feeds.held > MOST_HELD_BYTES
        ):
            self._deafen()
        else:
            self._wake()

    def lose(self) -> None:
        """Hear nothing any more, and read what may be missing."""
        self._feed, self._joined = None, None
        self._hold([])
        self._wake()

    def rests(self) -> bool:
        """Say whether it waits for an event."""
        return self._waking is not None and not self._waking.done()

    def behind(self, newest: int) -> bool:
        """Say whether an event should have been heard that was not."""
        come_to = self._came[-1].sequence if self._came else self._taken
        return self._joined is not None and newest > come_to

    async def _join(self) -> bool:
        """Listen; say whether all that is not taken is heard, or has been."""
        feeds = self._sources.feeds
        if self._feed is None:
            self._feed = await feeds.listen(self, self._account)
        feed, reached = self._feed, await self._sources.places.reach(self._taken)
        newest = await feeds.newest(feed)
        if self not in feed.listeners:
            self.lose()
            return False
        overlaps = bool(self._came) and self._came[0].sequence <= self._taken
        if not reached or (newest > self._taken and not overlaps):
            return False
        self._hold([each for each in self._came if each.sequence > self._taken])
        self._joined = self._taken
        return True

    async def _read(self) -> list[Taken]:
        """Take from the stream, until that comes up to what is heard."""
        if self._replay is None:
            if await self._join():
                return []
            self._replay = await self._open()
        batch = await self._replay.take(READ_SECONDS)
        if batch:
            self._taken = batch[-1].sequence
        come_up = not batch or not self._replay.waiting
        if batch is None or (come_up and await self._join()):
            replay, self._replay = self._replay, None
            await replay.close()
        return batch or []

    async def _open(self) -> Replay:
        bounds = await self._sources.places.bounds()
        if self._taken > bounds.last:
            self._place = self._taken = await self._take_stock(bounds.first - 1)
        elif self._taken < bounds.first - 1:
            self._taken = max(self._taken, await self._take_stock(self._taken))
        replay = Replay(self._sources.nats, self._owner, place=self._taken)
        await replay.open([subjects.of_account(self._account)])
        return replay

    async def _take_stock(self, otherwise: int) -> int:
        """Count what is lost; return where the owner is, if that is known."""
        cursors, places = self._sources.cursors, self._sources.places
        await self._sources.bookmarks.flush()
        cursor = await cursors.get(self._owner)
        if cursor is None:
            return otherwise
        filters = self._filters or [subjects.of_account(self._account)]
        return (await drops.take_stock(cursor, filters, places, cursors)).place

    def _hold(self, came: list[Taken]) -> None:
        """Let this be all that was heard and not taken."""
        size = sum(len(event.body) for event in came)
        self._sources.feeds.held += size - self._size
        self._came, self._size = came, size

    def _deafen(self) -> None:
        if self._feed is not None:
            self._sources.feeds.leave(self._feed, self)
        self.lose()

    def _wake(self) -> None:
        waking, self._waking = self._waking, None
        if waking is not None and not waking.done():
            waking.set_result(None)
