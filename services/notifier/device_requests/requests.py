"""What callers ask of devices: checked, written down, queued, and the edge poked.

The row in PostgreSQL comes before the place in the queue, and the place before the
answer. So whatever dies in between, a request that was accepted has one end.
"""

import asyncio
import math
import uuid
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto

import orjson

from homeport.errors import HomeportError, Unavailable
from homeport.events.facts import RequestOutcome
from homeport.names import AccountId, DeviceId
from homeport.protocol.device_requests import COMPOSITE, DeviceRequest, Method
from homeport.store.clock import StoreClock
from homeport.store.operations import Result
from homeport.store.queue import RequestQueue
from homeport.store.sessions import MAX_AGE_MICROSECONDS, SessionStore, StoredSession
from homeport.store.values import LastValue
from services.notifier import observability
from services.notifier.device_requests.endpoints import Endpoints
from services.notifier.device_requests.open_requests import OpenRequest, OpenRequests
from services.notifier.device_requests.structures import Structure

RETRIES, QUEUE_MODE_RETRIES = 0, 2
EXPIRY_SECONDS, QUEUE_MODE_EXPIRY_SECONDS = 2 * 3600, 3 * 86_400
"""What is meant where a caller does not say (R-82)."""

SETTLED_SECONDS = MAX_AGE_MICROSECONDS / 1e6 + 1
"""After so long a request that is written down cannot join the queue any more."""
LOOK_SECONDS = 0.05

Poke = Callable[[str, DeviceId], Awaitable[None]]
"""Tells an edge that a request waits for a device; raises Unavailable."""

Ring = Callable[[Iterable[int]], Awaitable[None]]
"""Says that events wait in outboxes, by their buckets; raises Unavailable."""


class Reason(Enum):
    """Why nothing is asked of a device."""

    UNKNOWN = auto()
    """The account has no such device."""
    NOT_CONNECTED = auto()
    NO_RESOURCE = auto()
    """The device does not list the path."""
    FULL = auto()


class NotAsked(HomeportError):
    """A device is not asked; nothing will come of it."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(f"the device is not asked: {reason.name}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller wants done; as in `DeviceRequest`."""

    method: Method
    path: str
    queries: tuple[str, ...] = ()
    accept: int | None = None
    content_format: int | None = None
    payload: bytes = b""
    observe: bool | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """On whose behalf, under which name, how often and for how long it may be tried.

    Without an ``async_id`` nobody is told what comes of it. ``request_id`` is made here
    unless somebody has to know it before.
    """

    key_id: str
    async_id: str = ""
    retries: int | None = None
    seconds: int | None = None
    request_id: str = ""


def new_id() -> str:
    """Make the id of a caller's request."""
    return uuid.uuid4().hex


class Requests:
    """The way of requests into the queues; all methods raise Unavailable."""

    def __init__(
        self,
        sessions: SessionStore,
        queue: RequestQueue,
        stored: OpenRequests,
        endpoints: Endpoints,
        *,
        clock: StoreClock,
        poke: Poke,
        ring: Ring,
    ) -> None:
        self._sessions = sessions
        self._queue = queue
        self._stored = stored
        self._endpoints = endpoints
        self._clock = clock
        self._poke = poke
        self._ring = ring

    async def session(self, account: AccountId, device: DeviceId) -> StoredSession:
        """Return the session of a registered device; raise NotAsked without one.

        A device of another account is as unknown as one that there is not, and it
        takes as long to say so.
        """
        (session,) = await self._sessions.read([device])
        if session is not None and session.account == account:
            return session
        known = await self._endpoints.knows(account, device)
        raise NotAsked(Reason.NOT_CONNECTED if known else Reason.UNKNOWN)

    async def ask(
        self, account: AccountId, device: DeviceId, asked: Asked, terms: Terms
    ) -> None:
        """Ask a device for something; return when it is certain that it has an end.

        A caller that asks again while the first request of that name is open asks once
        (B-178). Raises NotAsked.
        """
        arrived = self._clock.now()
        session = await self.session(account, device)
        is_one = asked.method not in COMPOSITE  # of several the device knows by itself
        if is_one and not Structure(session.resources).has(asked.path):
            raise NotAsked(Reason.NO_RESOURCE)
        request = self._request(session, asked, terms)
        if terms.async_id and not await self._open(account, device, request, session):
            # Whoever accepted it may have died before the edge was told.
            await self._tell_edge(await self._queue.edge(device), device)
            return
        await self._put(account, device, request, arrived)

    async def ask_ourselves(
        self, account: AccountId, device: DeviceId, asked: Asked, terms: Terms
    ) -> None:
        """Ask a device, if it is registered, for something that no caller asks for."""
        (session,) = await self._sessions.read([device])
        if session is None or session.account != account:
            return
        request = self._request(session, asked, terms)
        outcome = await self._queue.enqueue(account, device, request)
        if outcome.result is Result.QUEUED:
            await self._tell_edge(outcome.edge, device)

    async def _tell_edge(self, edge: str, device: DeviceId) -> None:
        """Tell the edge that has a device; without it the request waits (B-172)."""
        if not edge:
            return
        try:
            await self._poke(edge, device)
        except Unavailable as error:
            observability.record_not_poked(str(error))

    async def _tell_publisher(self, device: DeviceId) -> None:
        """Tell whoever publishes of a device; without it its events come later."""
        try:
            await self._ring([self._sessions.bucket(device)])
        except Unavailable as error:
            observability.record_not_poked(str(error))

    async def fresh(self, device: DeviceId, path: str) -> LastValue | None:
        """Return the value of a path that may be taken for true still (R-91).

        Where something waits for the device it may not: that could change the value.
        """
        value = await self._queue.value(device, path)
        if value is None or not self.freshness(value):
            return None
        return value if await self._queue.is_idle(device) else None

    def freshness(self, value: LastValue) -> int:
        """Return for how many seconds more a value holds; 0 for one that is too old."""
        return max(0, math.ceil((value.fresh_until - self._milliseconds()) / 1000))

    def _milliseconds(self) -> int:
        return self._clock.microseconds(self._clock.now()) // 1000

    def _request(
        self, session: StoredSession, asked: Asked, terms: Terms
    ) -> DeviceRequest:
        retries, seconds = terms.retries, terms.seconds
        if retries is None:
            retries = QUEUE_MODE_RETRIES if session.queue_mode else RETRIES
        if seconds is None:
            sleeps = session.queue_mode
            seconds = QUEUE_MODE_EXPIRY_SECONDS if sleeps else EXPIRY_SECONDS
        return DeviceRequest(
            id=terms.request_id or new_id(),
            key_id=terms.key_id,
            async_id=terms.async_id,
            method=asked.method,
            path=asked.path,
            queries=asked.queries,
            accept=asked.accept,
            content_format=asked.content_format,
            payload=asked.payload,
            retries=retries,
            expires_at=self._milliseconds() + seconds * 1000,
            observe=asked.observe,
        )

    async def _open(
        self,
        account: AccountId,
        device: DeviceId,
        request: DeviceRequest,
        session: StoredSession,
    ) -> bool:
        """Write a request down; False where one of its name is open.

        The row of one that is over may be left for a moment. It is known by not being
        in the queue, once it is too late for it to come there.
        """
        row = OpenRequest(
            request.id,
            request.key_id,
            request.async_id,
            account,
            device,
            session.endpoint_name,
            request.method,
            request.path,
        )
        while not await self._stored.open(row):
            found = await self._stored.find(request.key_id, request.async_id)
            if found is None:
                continue
            earlier, age = found
            if earlier.request_id == request.id:
                return True  # the answer to it was lost
            (waits,) = await self._queue.waiting(
                earlier.device_id, [earlier.request_id]
            )
            if waits:
                return False
            if age > SETTLED_SECONDS:
                await self._stored.close([earlier.request_id])
            else:
                await asyncio.sleep(LOOK_SECONDS)
        return True

    async def _put(
        self,
        account: AccountId,
        device: DeviceId,
        request: DeviceRequest,
        arrived: float,
    ) -> None:
        known = await self._known(device, request)
        if known is None:
            outcome = await self._queue.enqueue(
                account, device, request, arrived=arrived
            )
        else:
            told = answered(known, self.freshness(known))
            outcome = await self._queue.answer(
                account, device, request, told, arrived=arrived
            )
        if outcome.result is Result.QUEUED:
            observability.record_request_accepted(request)
            if known is None:
                await self._tell_edge(outcome.edge, device)
            else:
                await self._tell_publisher(device)
            return
        await self._stored.close([request.id])
        match outcome.result:
            case Result.FULL:
                raise NotAsked(Reason.FULL)
            case Result.STALE:
                raise Unavailable("Redis", "took too long to reach")
            case _:
                raise NotAsked(Reason.NOT_CONNECTED)

    async def _known(
        self, device: DeviceId, request: DeviceRequest
    ) -> LastValue | None:
        """Return the value that a request is answered with, if it need not be sent."""
        if (
            request.method is not Method.GET
            or request.queries
            or not request.async_id
            or request.observe is not None
        ):
            return None
        value = await self.fresh(device, request.path)
        if value is None or request.accept not in (None, value.content_format):
            return None
        return value


def answered(value: LastValue, max_age: int) -> str:
    """Write what an event says of a request that a known value answers, as JSON."""
    told = {
        "outcome": RequestOutcome.ANSWERED,
        "code": "2.05",
        "content_format": value.content_format,
        "max_age": max_age,
        "payload": b64encode(value.payload).decode(),
    }
    return "," + orjson.dumps(told).decode()[1:-1]
