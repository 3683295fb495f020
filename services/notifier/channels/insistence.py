"""Calling a webhook until it accepts: with patience, and not for ever (R-111)."""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from homeport.errors import Unavailable
from services.notifier import observability
from services.notifier.channels import messages
from services.notifier.channels.channels import Callback, Channel
from services.notifier.channels.messages import Message

LONGEST_RETRY_SECONDS = 120

_JITTER = 0.1


class Failures(Protocol):
    """What must outlive the process; the methods raise Unavailable."""

    async def failing(self, channel: Channel, since: datetime) -> None:
        """Remember since when the channel has failed; the earliest time is kept."""

    async def recovered(self, channel: Channel) -> None:
        """Forget that the channel has failed."""

    async def give_up(self, channel: Channel) -> None:
        """Remove the channel, unless its caller has set it again."""


Put = Callable[[Callback, bytes, str], Awaitable[None]]
"""Calls a webhook with a body and the id of its message; raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Time, as it passes between attempts."""

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


def new_message_id() -> str:
    """Make the id that a message keeps however often it is tried."""
    return f"msg_{uuid.uuid4().hex}"


class Insistence:
    """The calls of one webhook."""

    def __init__(
        self,
        channel: Channel,
        callback: Callback,
        *,
        put: Put,
        failures: Failures,
        pace: Pace,
    ) -> None:
        self._channel = channel
        self._callback = callback
        self._put = put
        self._failures = failures
        self._pace = pace
        self._failing_since = channel.failing_since

    async def hand_over(self, message: Message) -> bool:
        """Try until a message is accepted.

        Returns False when patience has ended; the channel is removed then. Raises
        Unavailable when PostgreSQL is away.
        """
        body = messages.build(message)
        message_id = new_message_id()
        attempts = 0
        while True:
            try:
                await self._put(self._callback, body, message_id)
            except Unavailable as error:
                attempts += 1
                if not await self._wait(attempts, error):
                    await self._failures.give_up(self._channel)
                    return False
            else:
                await self._recover()
                return True

    async def _wait(self, attempts: int, error: Unavailable) -> bool:
        observability.record_fault()
        now = self._pace.now()
        if self._failing_since is None:
            self._failing_since = now
            observability.record_failing(self._channel, error.reason)
            await self._failures.failing(self._channel, now)
        if now - self._failing_since >= self._pace.patience:
            observability.record_removed(self._channel, error.reason)
            return False
        await self._pace.sleep(retry_delay(attempts, self._pace.chance()))
        return True

    async def _recover(self) -> None:
        if self._failing_since is not None:
            self._failing_since = None
            observability.record_recovered(self._channel)
            await self._failures.recovered(self._channel)
