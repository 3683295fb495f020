"""Ending the requests that nobody else ends any more: those that a lost Redis held.

A request that is neither in its device's queue nor told of is lost, or its event is on
its way. That is certain once all that was recorded before we missed it is in the
stream, and all that was in the stream then is noted: the row would be gone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from homeport import names
from homeport.errors import Unavailable
from homeport.events import facts
from homeport.events.cloudevents import Envelope
from homeport.events.facts import FactName, RequestCompleted, RequestOutcome
from homeport.store.clock import StoreClock
from homeport.store.queue import RequestQueue
from services.notifier import observability
from services.notifier.device_requests.open_requests import OpenRequest, OpenRequests


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
    publish: Callable[[Envelope], Awaitable[None]]


@dataclass(slots=True)
class _Missed:
    """Since when a request is missed (ms), and where the stream was after that."""

    since: int
    place: int | None = None


class Sweeper:
    """Looks at requests that are open for long; any number of replicas may."""

    def __init__(
        self,
        stored: OpenRequests,
        queue: RequestQueue,
        course: Course,
        *,
        clock: StoreClock,
        buckets: int,
        seconds: float,
    ) -> None:
        self._stored = stored
        self._queue = queue
        self._course = course
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
                observability.record_sweep_waits(str(error))

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

    async def _missing(self, page: Iterable[OpenRequest]) -> list[OpenRequest]:
        found: list[OpenRequest] = []
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

    async def _consider(self, request: OpenRequest) -> None:
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
            await self._course.publish(lost(request, now=datetime.now(UTC)))
            observability.record_request_lost(request)


def lost(request: OpenRequest, *, now: datetime) -> Envelope:
    """Make the event that ends a request which is lost.

    Its id is that of the event that any other end would have: there is one only.
    """
    identity = f"{request.device_id}.{request.request_id}"
    fact = RequestCompleted(
        id=identity,
        time=now,
        revision=int(now.timestamp() * 1_000_000),
        account_id=request.account_id,
        device_id=request.device_id,
        endpoint_name=request.endpoint_name,
        request_id=request.request_id,
        key_id=request.key_id,
        async_id=request.async_id,
        method=request.method,
        path=request.path,
        outcome=RequestOutcome.REMOVED,
    )
    return Envelope(
        identity,
        FactName.REQUEST_COMPLETED,
        request.account_id,
        request.device_id,
        now.isoformat(),
        facts.build(fact),
    )
