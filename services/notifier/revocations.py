"""API keys that are gone take with them what was set up with them (R-74).

A replica hears at once that a key is shut out. What nobody has heard, because no
notifier ran, is found by looking: a key that nobody may come with, at two looks, is
gone. Two, since a trust view that was lost is written again in the meantime.

Named consumers and users of NATS are an account's, whichever key has made them: they
stay, and only who reads with the key is closed.
"""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Collection, Sequence
from typing import Protocol

from homeport.errors import Unavailable
from homeport.store.trust import api_key_id
from homeport.store.trust_changes import News
from services.notifier import observability
from services.notifier.channels.store import ChannelStore
from services.notifier.stream.cursors import Cursors
from services.notifier.subscriptions.subscription_store import SubscriptionStore


class Keys(Protocol):
    """Which keys there are."""

    async def missing_keys(self, key_ids: Sequence[str]) -> frozenset[str]:
        """Return those that nobody may come with; raise Unavailable."""


class Revocations:
    """Ends what belongs to keys that are gone; any number of replicas may.

    ``discard`` drops what waits for a key; it raises Unavailable.
    """

    def __init__(
        self,
        keys: Keys,
        channels: ChannelStore,
        subscriptions: SubscriptionStore,
        cursors: Cursors,
        *,
        discard: Callable[[str], Awaitable[None]],
        seconds: float,
    ) -> None:
        self._keys = keys
        self._channels = channels
        self._subscriptions = subscriptions
        self._cursors = cursors
        self._discard = discard
        self._seconds = seconds
        self._missing: frozenset[str] = frozenset()

    async def hear(self, changes: AsyncIterable[News]) -> None:
        """End at once what belongs to the keys that are told of, for ever."""
        async for news in changes:
            told = {key_id for name in news.names if (key_id := api_key_id(name))}
            if not told:
                continue
            try:
                await self.end(await self._keys.missing_keys(sorted(told)))
            except Unavailable as error:
                observability.record_revocation_waits(str(error))

    async def watch(self) -> None:
        """Look for keys that are gone, for ever; while a server is away, wait."""
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self.look()
            except Unavailable as error:
                observability.record_revocation_waits(str(error))

    async def look(self) -> None:
        """Look once; raise Unavailable."""
        known = (
            await self._channels.keys()
            | await self._subscriptions.keys()
            | await self._cursors.keys()
        )
        missing = await self._keys.missing_keys(sorted(known))
        gone, self._missing = missing & self._missing, missing
        await self.end(gone)

    async def end(self, key_ids: Collection[str]) -> None:
        """End channels and subscriptions of keys; harmless when repeated."""
        if not key_ids:
            return
        await self._subscriptions.forget(key_ids)
        for key_id in key_ids:
            channel = await self._channels.get(key_id)
            if channel is not None:
                await self._channels.remove(key_id, channel.kind)
            await self._discard(key_id)
            observability.record_revoked(key_id)
