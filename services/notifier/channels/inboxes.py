"""The inboxes of channels: each begins where its application has come to.

A channel is a place in PostgreSQL, whoever serves it. Who does holds its claim, so only
one at a time moves the place.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from homeport.errors import Unavailable
from homeport.events import subjects
from homeport.names import AccountId
from services.notifier import observability
from services.notifier.channels.channels import Channel
from services.notifier.stream import drops
from services.notifier.stream.cursors import Cursor
from services.notifier.stream.inbox import Inbox, Sources

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

    async def collect(self, key_id: str, account: AccountId) -> None:
        """Keep a key's events from now on, unless they are kept; harmless repeated."""
        place = (await self._sources.places.bounds()).last
        await self._sources.cursors.begin(key_id, account, place)

    async def advance(self, key_id: str, place: int) -> None:
        """Say that all up to a place is accepted, unless more is."""
        await self._sources.cursors.advance({key_id: place})

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
                        if inbox is None:
                            inbox = await self._begin(channel)
                            observability.show(inbox)
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
                observability.hide(inbox)
                await inbox.release()
            with suppress(Unavailable):  # what is not written down comes once more
                await self._sources.bookmarks.flush()

    async def state(self, key_id: str, account: AccountId) -> Cursor:
        """Return how many events wait for a key, and how many it has lost."""
        cursor = await self._sources.cursors.get(key_id) or Cursor(key_id, account, 0)
        return await drops.look(
            cursor, [subjects.of_account(account)], self._sources.places
        )

    async def discard(self, key_id: str) -> None:
        """Forget where a key's channel has come to, for good."""
        await self._sources.cursors.forget([key_id])

    async def _begin(self, channel: Channel) -> Inbox:
        cursor = await self._sources.cursors.get(channel.key_id)
        if cursor is None:
            place = await self._sources.places.before(channel.created_at)
            await self._sources.cursors.begin(channel.key_id, channel.account, place)
        else:
            place = cursor.place
        return Inbox(self._sources, channel.key_id, channel.account, place)
