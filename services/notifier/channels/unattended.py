"""Channels and consumers for which nobody reads: what waits for them, what they lose.

A channel whose application has left keeps its consumer in NATS at first. One replica
at a time looks for those, and leaves them to a place in PostgreSQL. It looks at the
places, too, before the stream moves past them: at those of named consumers always,
since their lag is shown, at those of channels in the older half of the stream.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import timedelta

from nats.aio.client import Client
from nats.js.api import ConsumerInfo

from homeport.errors import Unavailable
from homeport.events import subjects
from services.notifier import observability
from services.notifier.channels import consumers
from services.notifier.channels.channels import Kind
from services.notifier.channels.claims import Claims
from services.notifier.channels.store import ChannelStore
from services.notifier.named_consumers.consumer_store import ConsumerStore
from services.notifier.stream import drops
from services.notifier.stream.cursors import Cursor, Cursors
from services.notifier.stream.jetstream import ANSWER_SECONDS, reported
from services.notifier.stream.places import Places

PAGE = 500
CONSUMERS_PAGE = 256
"""How many the server lists at once."""

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
        nats: Client,
        places: Places,
        stores: Stores,
        *,
        claims: Callable[[], AbstractAsyncContextManager[Claims]],
        seconds: float,
    ) -> None:
        self._nats = nats
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
                return
            served = await self._leave(held)
            await self._count(served)
            await self._stores.cursors.expire(
                timedelta(seconds=consumers.UNUSED_SECONDS)
            )

    async def _leave(self, held: Claims) -> dict[str, int]:
        """Leave channels to their places that nobody serves.

        Returns up to where those have accepted everything that somebody does.
        """
        polled = await self._stores.channels.of_kind(Kind.LONG_POLLING)
        receipts = {channel.key_id for channel in polled}
        served = {}
        for found in await self._consumers():
            key_id = subjects.channel_of(found.name)
            kept = found.num_waiting or key_id in receipts
            if kept or not await held.claim([key_id]):
                served[key_id] = found.ack_floor.stream_seq if found.ack_floor else 0
                continue
            try:
                await self._settle(key_id)
            finally:
                await held.release(key_id)
        return served

    async def _settle(self, key_id: str) -> None:
        """Leave one channel to its place; its consumer cannot change meanwhile."""
        last = (await self._places.bounds()).last
        found = await consumers.progress(self._nats, key_id)
        if found is None:
            return
        place = found.floor if found.waiting else last
        await self._stores.cursors.save(key_id, found.account, place)
        await consumers.discard(self._nats, key_id)

    async def _count(self, served: Mapping[str, int]) -> None:
        """Look at the places, and show what waits for named consumers."""
        named = {each.id: each for each in await self._stores.consumers.all()}
        bounds = await self._places.bounds()
        lags = []
        async for cursor in self._cursors():
            if consumer := named.get(cursor.owner):
                filters = consumer.selection.subjects(consumer.account)
                lags.append((await self._look(cursor, filters)).waiting)
            elif cursor.place < (bounds.first + bounds.last) // 2:
                every = [subjects.of_account(cursor.account)]
                await self._look(await self._moved(cursor, served), every)
        observability.record_unattended(sum(lags), max(lags, default=0))

    async def _look(self, cursor: Cursor, filters: Sequence[str]) -> Cursor:
        return await drops.take_stock(
            cursor, filters, self._places, self._stores.cursors
        )

    async def _moved(self, cursor: Cursor, served: Mapping[str, int]) -> Cursor:
        """Bring a cursor to where its channel's consumer has come to meanwhile."""
        floor = served.get(cursor.owner, 0)
        if floor <= cursor.place:
            return cursor
        await self._stores.cursors.advance(cursor.owner, floor)
        return replace(cursor, place=floor, looked=floor, waiting=0)

    async def _consumers(self) -> list[ConsumerInfo]:
        jetstream = self._nats.jetstream(timeout=ANSWER_SECONDS)
        of_channels: list[ConsumerInfo] = []
        offset, full = 0, True
        while full:
            with reported():
                page = await jetstream.consumers_info(subjects.STREAM, offset=offset)
            offset += len(page)
            full = len(page) >= CONSUMERS_PAGE
            of_channels += [each for each in page if subjects.channel_of(each.name)]
        return of_channels

    async def _cursors(self) -> AsyncIterator[Cursor]:
        after = ""
        while page := await self._stores.cursors.page(after=after, most=PAGE):
            for cursor in page:
                yield cursor
            after = page[-1].owner
