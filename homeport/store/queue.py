"""The device requests that wait, as those see them who ask.

Whoever enqueues pokes the edge that has the device (`homeport.events.subjects.poke`);
without that the request waits for the device's next message.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from typing import cast

from homeport.names import AccountId, DeviceId, EdgeId
from homeport.protocol import device_requests
from homeport.protocol.device_requests import DeviceRequest
from homeport.store import keys, values
from homeport.store.connection import Connection, reaching
from homeport.store.operations import Operation, Outcome
from homeport.store.requests import Complete, Enqueue
from homeport.store.sessions import SessionStore
from homeport.store.values import LastValue

MOST_WAITING = 20
"""Requests of callers that may wait for one device (B-171)."""

SCANNED = 500
"""Requests that are looked at in one go."""

_OWN = device_requests.OWN_PREFIX.encode()


class RequestQueue:
    """The queues of all devices, and what is known of their resources."""

    def __init__(self, connection: Connection, sessions: SessionStore) -> None:
        self._redis = connection
        self._sessions = sessions

    async def enqueue(
        self,
        account: AccountId,
        device: DeviceId,
        request: DeviceRequest,
        *,
        arrived: float | None = None,
    ) -> Outcome:
        """Put a request behind those that wait; doing it twice is doing it once.

        The outcome is QUEUED with the edge that has the device, FULL, or UNKNOWN where
        the account has no registered device of that id; STALE where it ``arrived``
        (loop time) too long ago. Raises Unavailable; then it may have been done.
        """
        return await self._put(account, device, request, arrived)

    async def answer(
        self,
        account: AccountId,
        device: DeviceId,
        request: DeviceRequest,
        told: str,
        *,
        arrived: float | None = None,
    ) -> Outcome:
        """Put a request and end it at once, with what its event says (R-91)."""
        bucket = self._sessions.bucket(device)
        end = Complete(bucket, device, request.id, told)
        return await self._put(account, device, request, arrived, end)

    async def _put(
        self,
        account: AccountId,
        device: DeviceId,
        request: DeviceRequest,
        arrived: float | None,
        *further: Operation,
    ) -> Outcome:
        operation = Enqueue(
            self._sessions.bucket(device),
            device,
            account,
            request.id,
            device_requests.head(request),
            device_requests.build(request),
            request.expires_at,
            MOST_WAITING,
        )
        now = asyncio.get_running_loop().time()
        outcome, *_ = await self._sessions.execute(
            [operation, *further], arrived=now if arrived is None else arrived
        )
        return outcome

    async def waiting(self, device: DeviceId, requests: Sequence[str]) -> list[bool]:
        """Say of each of some requests whether it is not over yet."""
        if not requests:
            return []
        key = keys.requests(self._sessions.bucket(device), device)
        with reaching():
            found = await self._redis.hmget(key, list(requests))
        return [stored is not None for stored in found]

    async def own(self, device: DeviceId) -> list[str]:
        """Return the ids of our own requests to a device that are not over yet."""
        key = keys.requests(self._sessions.bucket(device), device)
        with reaching():
            found = cast("list[bytes]", await self._redis.hkeys(key))
        return [each.decode() for each in found if each.startswith(_OWN)]

    async def is_idle(self, device: DeviceId) -> bool:
        """Say whether no request waits for a device."""
        key = keys.queue(self._sessions.bucket(device), device)
        with reaching():
            return not await self._redis.exists(key)

    async def edge(self, device: DeviceId) -> EdgeId:
        """Return the edge that has a device, '' where it has no session."""
        ((_, found),) = await self._edges(self._sessions.bucket(device), [device])
        return found

    async def stranded(
        self, bucket: int, living: Collection[EdgeId]
    ) -> AsyncIterator[list[tuple[DeviceId, EdgeId]]]:
        """Yield the devices of a bucket whose requests wait for an edge that is gone.

        Some at a time, each with that edge, perhaps twice. Raises Unavailable.
        """
        cursor = 0
        while True:
            with reaching():
                cursor, found = await self._redis.zscan(
                    keys.deadlines(bucket), cursor, count=SCANNED
                )
            members = [member for member, _ in cast("list[tuple[bytes, float]]", found)]
            devices = {DeviceId(each.decode().partition(" ")[0]) for each in members}
            yield [
                (device, edge)
                for device, edge in await self._edges(bucket, sorted(devices))
                if edge and edge not in living
            ]
            if not cursor:
                return

    async def _edges(
        self, bucket: int, devices: Sequence[DeviceId]
    ) -> list[tuple[DeviceId, EdgeId]]:
        """Return the edges that have devices, '' for one that has no session."""
        if not devices:
            return []
        pipeline = self._redis.pipeline(transaction=False)
        for device in devices:
            pipeline.hget(keys.session(bucket, device), "edge")
        with reaching():
            found = cast("list[bytes | None]", await pipeline.execute())
        return [
            (device, EdgeId((edge or b"").decode()))
            for device, edge in zip(devices, found, strict=True)
        ]

    async def value(self, device: DeviceId, path: str) -> LastValue | None:
        """Return the last known value of a path, however old it is."""
        key = keys.values(self._sessions.bucket(device), device)
        with reaching():
            found = await self._redis.hget(key, path)
        return None if found is None else values.parse(found)

    async def observed(self, device: DeviceId) -> dict[str, str]:
        """Return what a device notifies of: paths by tokens in hex."""
        key = keys.tokens(self._sessions.bucket(device), device)
        with reaching():
            found = cast("dict[bytes, bytes]", await self._redis.hgetall(key))
        return {
            token.decode(): text.decode().split(" ", 2)[2].partition("\n")[0]
            for token, text in found.items()
        }
