"""Asking a device for a renewal: written down, queued, and its edge poked (R-76).

The row in PostgreSQL comes before the place in the queue, and the place before the
answer. So whatever dies in between, an enrollment has one end.
"""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from homeport.errors import Unavailable
from homeport.names import AccountId, DeviceId
from homeport.protocol import certificate_renewals, structure
from homeport.protocol.device_requests import DeviceRequest, Method
from homeport.store.clock import StoreClock
from homeport.store.edges import EdgeRegistry
from homeport.store.operations import Outcome, Result
from homeport.store.queue import RequestQueue
from homeport.store.sessions import SessionStore, StoredSession
from homeport.store.trust import Grant
from services.directory import observability
from services.directory.errors import NotConnected, QueueFull
from services.directory.renewals.enrollments import Enrollment, EnrollmentStore

SECONDS, QUEUE_MODE_SECONDS = 3600, 3 * 86_400
"""How long a device may take to come for the request, awake or asleep."""
QUEUE_MODE_RETRIES = 2

Poke = Callable[[str, DeviceId], Awaitable[None]]
"""Tells an edge that a request waits for a device; raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The way of a request to its device."""

    sessions: SessionStore
    queue: RequestQueue
    registry: EdgeRegistry
    clock: StoreClock
    poke: Poke


class Renewing:
    """Asks devices; all methods raise Unavailable."""

    def __init__(self, asking: Asking, stored: EnrollmentStore) -> None:
        self._asking = asking
        self._stored = stored

    async def is_registered(self, account: AccountId, device: DeviceId) -> bool:
        """Say whether a device of an account can be asked for anything."""
        return await self._session(account, device) is not None

    async def ask(
        self, grant: Grant, device: DeviceId, certificate: str, *, now: datetime
    ) -> str:
        """Ask a device to renew a certificate; return the enrollment's id.

        Raises NotConnected, Running and QueueFull, and then the device is not asked.
        """
        session = await self._session(grant.account, device)
        if session is None:
            raise NotConnected("is not registered")
        if certificate_renewals.PATH not in structure.from_json(session.resources):
            raise NotConnected("lists no way to renew certificates")
        enrollment = Enrollment(grant.account, uuid.uuid4().hex, device)
        await self._asking.registry.look()
        await self._stored.open(enrollment, certificate, now=now)
        request = self._request(enrollment, grant, certificate, session)
        outcome = await self._asking.queue.enqueue(grant.account, device, request)
        await self._queued(enrollment, outcome)
        return enrollment.id

    async def _queued(self, enrollment: Enrollment, outcome: Outcome) -> None:
        if outcome.result is Result.QUEUED:
            observability.record_renewal_asked()
            await self._tell_edge(outcome.edge, enrollment.device_id)
            return
        await self._stored.withdraw(enrollment)
        match outcome.result:
            case Result.FULL:
                raise QueueFull
            case Result.STALE:
                raise Unavailable("Redis", "took too long to reach")
            case _:
                raise NotConnected("is not registered any more")

    async def _session(
        self, account: AccountId, device: DeviceId
    ) -> StoredSession | None:
        (session,) = await self._asking.sessions.read([device])
        return session if session is not None and session.account == account else None

    def _request(
        self,
        enrollment: Enrollment,
        grant: Grant,
        certificate: str,
        session: StoredSession,
    ) -> DeviceRequest:
        clock = self._asking.clock
        sleeps = session.queue_mode
        seconds = QUEUE_MODE_SECONDS if sleeps else SECONDS
        return DeviceRequest(
            id=enrollment.request_id,
            key_id=grant.key_id,
            async_id="",
            method=Method.POST,
            path=certificate_renewals.PATH,
            content_format=certificate_renewals.CONTENT_FORMAT,
            payload=certificate_renewals.build(certificate),
            retries=QUEUE_MODE_RETRIES if sleeps else 0,
            expires_at=clock.microseconds(clock.now()) // 1000 + seconds * 1000,
        )

    async def _tell_edge(self, edge: str, device: DeviceId) -> None:
        """Tell the edge that has a device; without it the request waits (B-172)."""
        if not edge:
            return
        try:
            await self._asking.poke(edge, device)
        except Unavailable as error:
            observability.record_not_poked(str(error))
