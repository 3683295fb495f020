"""Ending the requests that nobody else ends any more: those that a lost Redis held.

Who has written down that it waits for the end of a device request hears of it by an
event. A request that is neither in its device's queue nor told of is lost, or its event
is on its way. That is certain once all that was recorded before we missed it is in the
stream, and all that was in the stream then is noted: the row would be gone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Generic, Protocol, TypeVar

from homeport import names
from homeport.errors import Unavailable
from homeport.names import DeviceId
from homeport.store.clock import StoreClock
from homeport.store.queue import RequestQueue


@dataclass(frozen=True, slots=True)
class Course:
    """How far the events have come; the calls raise Unavailable.

    ``unpublished`` returns when the oldest event that waits in a bucket's outbox was
    recorded (ms of the store's clock), ``last`` the last place in the stream, ``noted``
    up to which place all is noted.
    """

    unpublished: Callable[[int], Awaitable[int | None]]
    last: Callable[[], Awaitable[int]]
    noted: Callable[[], Awaitable[int]]


class Awaited(Protocol):
    """What is known of a request whose end is waited for."""

    @property
    def request_id(self) -> str:
        """The id that it has in the queue; rows are ordered by it."""

    @property
    def device_id(self) -> DeviceId:
        """The device that is asked."""


Row = TypeVar("Row", bound=Awaited)
Row_co = TypeVar("Row_co", bound=Awaited, covariant=True)


class Open(Protocol[Row_co]):
    """Where it is written down what is waited for."""

    async def older_than(self, age: timedelta, *, after: str = "") -> Sequence[Row_co]:
        """Return some that have waited for so long, from the first ``after`` one."""


@dataclass(frozen=True, slots=True)
class Ends(Generic[Row]):
    """What is done with a request that is lost; ``waits`` hears why none can be."""

    end: Callable[[Row], Awaitable[None]]
    waits: Callable[[str], None]


@dataclass(slots=True)
class _Missed:
    """Since when a request is missed (ms), and where the stream was after that."""

    since: int
    place: int | None = None


class Sweeper(Generic[Row]):
    """Looks at requests that are open for long; any number of replicas may."""

    def __init__(
        self,
        stored: Open[Row],
        queue: RequestQueue,
        course: Course,
        ends: Ends[Row],
        *,
        clock: StoreClock,
        buckets: int,
        seconds: float,
    ) -> None:
        self._stored = stored
        self._queue = queue
        self._course = course
        self._ends = ends
        self._clock = clock
        self._buckets = buckets
        self._seconds = seconds
        self._missed: dict[str, _Missed] = {}

    async def run(self) -> None:
        """Look for ever; while a server is away, wait."""
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self.look()
            except Unavailable as error:
                self._ends.waits(str(error))

    async def look(self) -> None:
        """Look once; a request is ended at the third look that misses it.

        Raises Unavailable.
        """
        age, after = timedelta(seconds=self._seconds), ""
        seen: set[str] = set()
        while page := await self._stored.older_than(age, after=after):
            after = page[-1].request_id
            missing = await self._missing(page)
            seen |= {request.request_id for request in missing}
            for request in missing:
                await self._consider(request)
        self._missed = {
            request_id: missed
            for request_id, missed in self._missed.items()
            if request_id in seen
        }

    async def _missing(self, page: Iterable[Row]) -> list[Row]:
        found: list[Row] = []
        by_device = sorted(page, key=lambda request: request.device_id)
        for device, of_device in groupby(by_device, key=lambda each: each.device_id):
            requests = list(of_device)
            waits = await self._queue.waiting(
                device, [request.request_id for request in requests]
            )
            found += [
                request
                for request, waiting in zip(requests, waits, strict=True)
                if not waiting
            ]
        return found

    async def _consider(self, request: Row) -> None:
        missed = self._missed.get(request.request_id)
        if missed is None:
            now = self._clock.microseconds(self._clock.now()) // 1000
            self._missed[request.request_id] = _Missed(now)
        elif missed.place is None:
            bucket = names.bucket(request.device_id, self._buckets)
            oldest = await self._course.unpublished(bucket)
            if oldest is None or oldest > missed.since:
                missed.place = await self._course.last()
        elif await self._course.noted() >= missed.place:
            await self._ends.end(request)
