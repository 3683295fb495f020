"""Long polls: a channel's next message, for whoever asks (R-112).

A poll may come to any replica, and its answer may be lost on the way. So what it was
given is acknowledged by the next poll, with the receipt that the channel's row keeps:
the place up to which it was given everything.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from enum import Enum, auto

from homeport.errors import InvalidParameter, Unavailable
from homeport.runtime.tasks import first
from homeport.store.trust import Grant
from services.notifier import observability
from services.notifier.channels import messages
from services.notifier.channels.channels import Channel, LongPoll, Serialization
from services.notifier.channels.claims import Claims
from services.notifier.channels.delivery import read
from services.notifier.channels.inboxes import Inboxes
from services.notifier.channels.ledger import Ledger
from services.notifier.channels.messages import Addressee, Taken
from services.notifier.channels.store import ChannelStore
from services.notifier.stream.inbox import Inbox

LOOK_SECONDS = 5.0
"""How often a poll that waits looks whether its channel is still there."""


class Unanswered(Enum):
    """Why a poll ends without a message."""

    NOTHING = auto()
    BUSY = auto()
    DELETED = auto()


class Polls:
    """The long polls that this replica answers, one of each key at a time.

    ``claims`` returns what keeps other replicas from answering the same key,
    ``interests`` what a key wants now.
    """

    def __init__(
        self,
        stored: ChannelStore,
        ledger: Ledger,
        inboxes: Inboxes,
        *,
        claims: Callable[[], Claims],
        addressee: Callable[[Channel], Awaitable[Addressee]],
        seconds: float,
    ) -> None:
        self._stored = stored
        self._ledger = ledger
        self._inboxes = inboxes
        self._claims = claims
        self._addressee = addressee
        self._seconds = seconds
        self._polling: set[str] = set()
        self._leaving: set[asyncio.Task[None]] = set()

    async def poll(self, grant: Grant, ending: asyncio.Event) -> bytes | Unanswered:
        """Wait for the next message of a key's channel, which the first poll makes.

        Once this replica is ``ending`` it waits no longer. Cancelling loses nothing.
        Raises InvalidParameter when the key has a channel of another kind, Unavailable
        when PostgreSQL or NATS is away.
        """
        claims = self._claims()
        async with self._alone(claims, grant.key_id) as alone:
            if not alone:
                return Unanswered.BUSY
            channel = await self._channel(grant)
            if channel is None:
                return Unanswered.DELETED
            await self._settle(channel)
            async with self._inboxes.open(channel) as inbox:
                answer = await self._wait(channel, inbox, ending)
                await claims.check()
                return answer

    @asynccontextmanager
    async def _alone(self, claims: Claims, key_id: str) -> AsyncIterator[bool]:
        """Keep every other poll of a key out; False where there is one already."""
        if key_id in self._polling:
            yield False
            return
        self._polling.add(key_id)
        claiming = asyncio.create_task(claims.claim([key_id]))
        try:
            yield bool(await asyncio.shield(claiming))
        finally:
            leaving = asyncio.create_task(self._leave(claims, key_id, claiming))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
            await asyncio.shield(leaving)

    async def _leave(
        self, claims: Claims, key_id: str, claiming: asyncio.Task[frozenset[str]]
    ) -> None:
        """Give a claim back, also one that was on its way when its poll was cancelled.

        A connection that is lost has given it back by itself.
        """
        with suppress(Unavailable):
            if await claiming:
                await claims.release(key_id)
        self._polling.discard(key_id)

    async def _channel(self, grant: Grant) -> Channel | None:
        """Find or make the channel; None where it has just been deleted."""
        channel = await self._stored.get(grant.key_id)
        if channel is None:
            if await self._stored.removed_lately(grant.key_id):
                return None
            await self._inboxes.collect(grant.key_id, grant.account)
            await self._stored.put(
                grant.key_id, grant.account, LongPoll(), Serialization()
            )
            channel = await self._stored.get(grant.key_id)
        if channel is not None and not isinstance(channel.way, LongPoll):
            raise InvalidParameter("channel", f"is there, a {channel.kind}")
        return channel

    async def _settle(self, channel: Channel) -> None:
        """Take the poll as a sign that its caller has the answer before it."""
        if isinstance(channel.way, LongPoll) and channel.way.receipt.isdecimal():
            place = int(channel.way.receipt)
            await self._inboxes.advance(channel.key_id, place)
        await self._ledger.polled(channel.key_id, "")

    async def _wait(
        self, channel: Channel, inbox: Inbox, ending: asyncio.Event
    ) -> bytes | Unanswered:
        most = channel.serialization.max_chunk_size
        clock = asyncio.get_running_loop().time
        end = clock() + self._seconds
        while (left := end - clock()) > 0 and not ending.is_set():
            batch = await first(
                _next(inbox, min(left, LOOK_SECONDS)), _nothing_after(ending)
            )
            addressee = await self._addressee(channel)
            message, settled = messages.begin(
                [read(taken, addressee) for taken in batch], most
            )
            if message is not None:
                receipt = batch[settled - 1].sequence
                if not await self._ledger.polled(channel.key_id, str(receipt)):
                    return Unanswered.DELETED
                observability.record_given(message)
                return messages.build(message)
            if batch:
                inbox.acknowledge()
            elif await self._stored.get(channel.key_id) is None:
                return Unanswered.DELETED
        return Unanswered.NOTHING


async def _next(inbox: Inbox, seconds: float) -> list[Taken]:
    """Wait for the next batch; nothing where none came for so long."""
    waking = await inbox.rest()
    if waking is not None:
        await asyncio.wait([waking], timeout=seconds)
    return await inbox.take()


async def _nothing_after(ending: asyncio.Event) -> list[Taken]:
    await ending.wait()
    return []
