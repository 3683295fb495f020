"""Bringing one channel's notifications to its application: in order, at least once."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from homeport.errors import InvalidFormat, Unavailable
from services.notifier import messages, observability
from services.notifier.channels import Callback, Channel
from services.notifier.messages import Message, Notice, Taken

LONGEST_RETRY_SECONDS = 120
INTERRUPTION_SECONDS = 1.0
"""How long to wait for a server of ours."""

_JITTER = 0.1


class Events(Protocol):
    """A channel's events; both methods raise Unavailable."""

    async def take(self) -> Sequence[Taken]:
        """Wait for the next batch; nothing if nothing came for a while."""

    async def acknowledge(self) -> None:
        """Say that the batch taken last is delivered."""


class Ledger(Protocol):
    """What must outlive the process; the methods raise Unavailable."""

    async def failing(self, channel: Channel, since: datetime) -> None:
        """Remember since when the channel has failed; the earliest time is kept."""

    async def recovered(self, channel: Channel) -> None:
        """Forget that the channel has failed."""

    async def give_up(self, channel: Channel) -> None:
        """Remove the channel, unless its caller has set it again."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Time, as a delivery sees it."""

    patience: timedelta
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random


def retry_delay(failures: int, chance: float) -> float:
    """Return the seconds before the next attempt: 1, 2, 4 .. 120 (R-111).

    ``chance`` in [0, 1) moves it by a tenth, so that what failed together does not
    come back together.
    """
    seconds = min(1 << min(failures - 1, 7), LONGEST_RETRY_SECONDS)
    return seconds * (1 + _JITTER * (2 * chance - 1))


class Delivery:
    """The delivery of one channel: one message out at a time (R-127)."""

    def __init__(
        self,
        channel: Channel,
        *,
        inbox: Callable[[Channel], AbstractAsyncContextManager[Events]],
        put: Callable[[Callback, bytes], Awaitable[None]],
        ledger: Ledger,
        pace: Pace,
    ) -> None:
        self._channel = channel
        self._inbox = inbox
        self._put = put
        self._ledger = ledger
        self._pace = pace
        self._failing_since = channel.failing_since

    async def run(self) -> None:
        """Deliver until the channel has failed for too long; then remove it.

        While a server of ours is away, keep trying. Beginning again is harmless: what
        is not acknowledged is delivered once more.
        """
        accepted = True
        while accepted:
            try:
                async with self._inbox(self._channel) as events:
                    while accepted:
                        accepted = await self._turn(events)
            except Unavailable as error:
                observability.record_interrupted(self._channel, str(error))
                await self._pace.sleep(INTERRUPTION_SECONDS)

    async def _turn(self, events: Events) -> bool:
        """Deliver a batch; False when the channel is removed."""
        batch = await events.take()
        for message in self._compose(batch):
            if not await self._insist(message):
                await self._ledger.give_up(self._channel)
                return False
        if batch:
            await events.acknowledge()
        return True

    def _compose(self, batch: Sequence[Taken]) -> list[Message]:
        serialization = self._channel.callback.serialization
        notices: list[Notice] = []
        for taken in batch:
            try:
                notice = messages.read(taken, serialization)
            except InvalidFormat as error:
                observability.record_unreadable(error)
                continue
            if notice is not None:
                notices.append(notice)
        return messages.group(notices, serialization.max_chunk_size)

    async def _insist(self, message: Message) -> bool:
        """Try until the message is accepted; False when patience has ended."""
        body = messages.build(message)
        failures = 0
        while True:
            started = time.monotonic()
            try:
                await self._put(self._channel.callback, body)
            except Unavailable as error:
                failures += 1
                if not await self._wait(failures, error):
                    return False
            else:
                observability.record_delivered(message, time.monotonic() - started)
                await self._recover()
                return True

    async def _wait(self, failures: int, error: Unavailable) -> bool:
        observability.record_fault()
        now = self._pace.now()
        if self._failing_since is None:
            self._failing_since = now
            observability.record_failing(self._channel, error.reason)
            await self._ledger.failing(self._channel, now)
        if now - self._failing_since >= self._pace.patience:
            observability.record_removed(self._channel, error.reason)
            return False
        await self._pace.sleep(retry_delay(failures, self._pace.chance()))
        return True

    async def _recover(self) -> None:
        if self._failing_since is not None:
            self._failing_since = None
            observability.record_recovered(self._channel)
            await self._ledger.recovered(self._channel)
