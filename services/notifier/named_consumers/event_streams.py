"""What a reader of a named consumer is sent, and how it ends: Server-Sent Events.

A client says nothing while it reads. So written is all that can be known, and the
consumer's cursor moves when the client comes again with the id of the last event that
it has (Last-Event-ID), or when it confirms a place by another call. A client that would
rather lose what is under way than have it twice has every event confirmed as it is
written.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from homeport.errors import InvalidFormat, Unavailable
from homeport.runtime.tasks import first
from services.notifier import observability
from services.notifier.channels import messages
from services.notifier.channels.channels import Serialization
from services.notifier.channels.messages import Addressee, Message, Taken
from services.notifier.named_consumers import named_consumers
from services.notifier.named_consumers import server_sent_events as sse
from services.notifier.named_consumers.named_consumers import Selection
from services.notifier.subscriptions.subscriptions import Interest, Presubscription

LOOK_SECONDS = 5.0
"""How often a stream looks whether its consumer and its API key are still there."""
AGAIN_SECONDS = 1.0
"""How long a client waits before it comes again."""
TAKEN_OVER_SECONDS = 60.0
"""The same for one that was taken over: two clients would end each other for ever."""
CONFIRM_SECONDS = 1.0
"""How often at most is written down what a client is taken to have."""

_EVERYTHING = Interest(rules=(Presubscription(),))


class Form(StrEnum):
    """What stands in an event."""

    FACT = "fact"
    NOTIFICATION = "notification"


class Confirm(StrEnum):
    """When an event counts as taken."""

    CALL = "call"
    SENT = "sent"


class End(StrEnum):
    """Why a stream ends."""

    LEFT = "left"
    DRAINING = "draining"
    TAKEN_OVER = "taken-over"
    NOT_ALLOWED = "not-allowed"
    NOT_READ = "not-read"
    AWAY = "away"


class Events(Protocol):
    """The events of a consumer."""

    place: int

    async def take(self, seconds: float) -> Sequence[Taken] | None:
        """Wait for events; nothing if none came for a while, None once it is over."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the client has asked for; ``key_id`` is whose answers it is told of."""

    selection: Selection
    key_id: str
    form: Form = Form.FACT
    confirm: Confirm = Confirm.CALL


class EventStream:
    """One client that reads.

    ``within`` says which of some devices are in the groups that are meant; ``send``
    returns when there is room for more; ``advance`` writes a place down. A client has
    ``seconds`` to make room, and is written to that often.
    """

    def __init__(
        self,
        events: Events,
        wanted: Wanted,
        *,
        within: Callable[[Collection[str]], Awaitable[Collection[str]]],
        send: Callable[[bytes], Awaitable[None]],
        advance: Callable[[int], Awaitable[None]],
        seconds: float,
    ) -> None:
        self._events = events
        self._wanted = wanted
        self._within = within
        self._send = send
        self._advance = advance
        self._seconds = seconds
        self._place = events.place
        self._confirmed = events.place
        self._confirm_at = 0.0

    async def run(
        self,
        allowed: Callable[[], Awaitable[bool]],
        *,
        left: Coroutine[Any, Any, None],
        draining: asyncio.Event,
    ) -> End:
        """Send events until there is a reason to end; say which.

        ``allowed`` says whether the client may still read; it raises Unavailable.
        ``left`` returns when the client has gone.
        """
        end = await first(
            self._deliver(),
            self._watch(allowed),
            _after(left, End.LEFT),
            _after(draining.wait(), End.DRAINING),
        )
        with suppress(Unavailable):  # what is not written down comes once more
            await self._confirm(last=True)
        return end

    async def _deliver(self) -> End:
        try:
            await self._reach(sse.retry(AGAIN_SECONDS))
            while (batch := await self._events.take(self._seconds)) is not None:
                text = await self._text(batch)
                self._place = batch[-1].sequence if batch else self._place
                await self._reach(text or sse.progress(self._place))
                await self._confirm()
            await self._reach(sse.retry(TAKEN_OVER_SECONDS))
        except TimeoutError:
            return End.NOT_READ
        except Unavailable as error:
            observability.record_stream_interrupted(str(error))
            return End.AWAY
        return End.TAKEN_OVER

    async def _watch(self, allowed: Callable[[], Awaitable[bool]]) -> End:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if not await allowed():
                    return End.NOT_ALLOWED
            except Unavailable:
                continue

    async def _reach(self, text: bytes) -> None:
        async with asyncio.timeout(self._seconds):
            await self._send(text)

    async def _confirm(self, *, last: bool = False) -> None:
        """Take what was written to be taken, if the client wants it so."""
        clock = asyncio.get_running_loop().time
        if self._wanted.confirm is not Confirm.SENT or self._place <= self._confirmed:
            return
        if last or clock() >= self._confirm_at:
            self._confirm_at = clock() + CONFIRM_SECONDS
            await self._advance(self._place)
            self._confirmed = self._place

    async def _text(self, batch: Sequence[Taken]) -> bytes:
        """Build what is sent of some events; groups are looked at once for all."""
        members: Collection[str] = ()
        if self._wanted.selection.groups:
            members = await self._within(_devices(batch))
        return b"".join(self._event(taken, members) for taken in batch)

    def _event(self, taken: Taken, members: Collection[str]) -> bytes:
        """Build what is sent of an event; nothing of one that is not meant."""
        try:
            if not self._wanted.selection.means(taken.body, members):
                return b""
            body = self._body(taken)
        except InvalidFormat as error:
            observability.record_unreadable(error)
            return b""
        return sse.event(body, place=taken.sequence) if body else b""

    def _body(self, taken: Taken) -> bytes:
        if self._wanted.form is Form.FACT:
            return taken.body
        addressee = Addressee(self._wanted.key_id, Serialization(), _EVERYTHING)
        notice = messages.read(taken, addressee)
        return messages.build(Message(notice.kind, [notice.item])) if notice else b""


def _devices(batch: Sequence[Taken]) -> Collection[str]:
    found = set()
    for taken in batch:
        with suppress(InvalidFormat):  # it is passed over when its turn comes
            found.add(named_consumers.device_of(taken.body))
    return found


async def _after(work: Coroutine[Any, Any, object], end: End) -> End:
    await work
    return end
