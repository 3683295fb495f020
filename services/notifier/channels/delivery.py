"""Bringing one channel's notifications to its application: in order, at least once."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from homeport.errors import InvalidFormat, Unavailable
from homeport.runtime import traces
from services.notifier import observability
from services.notifier.channels import messages
from services.notifier.channels.channels import Channel
from services.notifier.channels.messages import Addressee, Message, Notice, Taken

INTERRUPTION_SECONDS = 1.0
"""How long to wait for a server of ours."""


QUIET_TURNS = 6
"""So many in which nothing comes are a while: half a minute."""


class Events(Protocol):
    """A channel's events; both methods raise Unavailable."""

    async def take(self) -> Sequence[Taken]:
        """Wait for the next batch; nothing if nothing came for a while."""

    async def acknowledge(self) -> None:
        """Say that the batch taken last is delivered."""


class Delivery:
    """The delivery of one channel: one message out at a time (R-127).

    ``addressee`` says for whom messages are now; it raises Unavailable. ``hand_over``
    returns when the application has a message, False when it never will.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        inbox: Callable[[Channel], AbstractAsyncContextManager[Events]],
        addressee: Callable[[Channel], Awaitable[Addressee]],
        hand_over: Callable[[Message], Awaitable[bool]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._channel = channel
        self._inbox = inbox
        self._addressee = addressee
        self._hand_over = hand_over
        self._quiet = 0
        self._sleep = sleep

    async def run(self) -> bool:
        """Deliver until nothing has come for a while.

        Returns False when there is nobody any more to deliver to. While a server of
        ours is away, keep trying. Beginning again is harmless: what is not acknowledged
        is delivered once more.
        """
        accepted = True
        while accepted and self._quiet < QUIET_TURNS:
            try:
                async with self._inbox(self._channel) as events:
                    while accepted and self._quiet < QUIET_TURNS:
                        accepted = await self._turn(events)
            except Unavailable as error:
                observability.record_interrupted(self._channel, str(error))
                await self._sleep(INTERRUPTION_SECONDS)
        return accepted

    async def _turn(self, events: Events) -> bool:
        """Deliver a batch; False when there is nobody any more to deliver to."""
        batch = await events.take()
        belonging = (taken.traceparent for taken in batch)
        with traces.handling("deliver", belonging, channel=self._channel.key_id):
            for message in compose(batch, await self._addressee(self._channel)):
                started = time.monotonic()
                if not await self._hand_over(message):
                    return False
                observability.record_delivered(message, time.monotonic() - started)
        if batch:
            await events.acknowledge()
            observability.record_settled(batch[0].time)
        self._quiet = 0 if batch else self._quiet + 1
        return True


def compose(batch: Sequence[Taken], addressee: Addressee) -> list[Message]:
    """Make the messages of a batch."""
    told = (read(taken, addressee) for taken in batch)
    return messages.group(
        [notice for notice in told if notice is not None],
        addressee.serialization.max_chunk_size,
    )


def read(taken: Taken, addressee: Addressee) -> Notice | None:
    """Read what an application is told; what is no fact is counted and passed over."""
    try:
        return messages.read(taken, addressee)
    except InvalidFormat as error:
        observability.record_unreadable(error)
        return None
