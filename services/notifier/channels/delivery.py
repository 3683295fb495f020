"""Bringing one channel's notifications to its application: in order, at least once."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from homeport.errors import InvalidFormat
from homeport.runtime import traces
from services.notifier import observability
from services.notifier.channels import messages
from services.notifier.channels.channels import Channel
from services.notifier.channels.messages import Addressee, Message, Notice, Taken


class Events(Protocol):
    """A channel's events."""

    async def take(self) -> Sequence[Taken]:
        """Take the next batch; nothing where there is none. Raises Unavailable."""

    def acknowledge(self) -> None:
        """Say that the batch taken last is delivered."""


class Delivery:
    """The delivery of one channel: one message out at a time (R-127).

    ``addressee`` says for whom messages are now; it raises Unavailable. ``hand_over``
    returns when the application has a message, False when it never will.
    """

    def __init__(
        self,
        channel: Channel,
        events: Events,
        *,
        addressee: Callable[[Channel], Awaitable[Addressee]],
        hand_over: Callable[[Message], Awaitable[bool]],
    ) -> None:
        self._channel = channel
        self._events = events
        self._addressee = addressee
        self._hand_over = hand_over

    async def run(self) -> bool:
        """Deliver all that there is; False when there is nobody any more to deliver to.

        Raises Unavailable; what was not acknowledged is to be delivered once more then.
        """
        while batch := await self._events.take():
            if not await self._deliver(batch):
                return False
            self._events.acknowledge()
            observability.record_settled(batch[0].time)
        return True

    async def _deliver(self, batch: Sequence[Taken]) -> bool:
        belonging = (taken.traceparent for taken in batch)
        with traces.handling("deliver", belonging, channel=self._channel.key_id):
            for message in compose(batch, await self._addressee(self._channel)):
                started = time.monotonic()
                if not await self._hand_over(message):
                    return False
                observability.record_delivered(message, time.monotonic() - started)
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
