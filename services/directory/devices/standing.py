"""Whether devices may be registered: the sessions of those that may not are ended."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from homeport import names
from homeport.names import DeviceId
from homeport.store import keys
from homeport.store.clock import StoreClock
from homeport.store.connection import Connection
from homeport.store.edges import EdgeRegistry
from homeport.store.operations import Dismiss, Operation, Readmit
from homeport.store.scanning import scan
from homeport.store.sessions import SessionStore
from services.directory.schema import devices
from services.directory.trust.changes import Change, Kind

ORDER = (devices.c.account_id, devices.c.id)

_KEY = tuple_(*ORDER)


class Standing:
    """Tells the sessions; all methods raise Unavailable and may be repeated."""

    def __init__(self, connection: Connection, *, buckets: int) -> None:
        clock = StoreClock(asyncio.get_running_loop().time)
        self._redis = connection
        self._clock = clock
        self._registry = EdgeRegistry(connection, clock)
        self._buckets = buckets
        self._sessions = SessionStore(
            connection, clock, edge=names.new_edge_id("directory"), buckets=buckets
        )

    async def put(self, rows: Sequence[Row[Any]]) -> None:
        """End the sessions of suspended and of deleted devices; let others come."""
        await self._execute([self._operation(row) for row in rows])

    async def suspended(self) -> AsyncIterator[Sequence[DeviceId]]:
        """Yield the devices that must not come, some hundreds at a time."""
        async for found in scan(self._redis, keys.suspensions()):
            yield [keys.suspended_device(key) for key in found]

    async def review(
        self, connection: AsyncConnection, marked: Sequence[DeviceId]
    ) -> None:
        """Let those come of whom PostgreSQL does not say that they must not."""
        still = await connection.scalars(
            select(devices.c.id).where(
                devices.c.operator_suspended, devices.c.id.in_(marked)
            )
        )
        free = set(marked) - set(map(DeviceId, still))
        await self._execute([Readmit(self._bucket(each), each) for each in free])

    async def moment(self) -> int:
        """Return the time that facts are ordered by, in microseconds."""
        await self._registry.look()
        return self._clock.microseconds(self._clock.now())

    async def _execute(self, operations: Sequence[Operation]) -> None:
        if operations:
            await self._registry.look()
            await self._sessions.execute(operations, arrived=self._clock.now())

    def _bucket(self, device: DeviceId) -> int:
        return names.bucket(device, self._buckets)

    def _operation(self, row: Row[Any]) -> Operation:
        device = DeviceId(row.id)
        bucket = self._bucket(device)
        if row.operator_suspended:
            return Dismiss(bucket, device, "suspended")
        if not row.recorded:
            return Dismiss(bucket, device, "deleted")
        return Readmit(bucket, device)


def query(changes: Iterable[Change]) -> Select[Any]:
    """Ask for the devices whose standing has changed."""
    return select(devices).where(_among(changes))


def _among(changes: Iterable[Change]) -> ColumnElement[bool]:
    return _KEY.in_(
        [
            (change.account_id, change.id)
            for change in changes
            if change.kind is Kind.STANDING
        ]
    )


SUSPENDED = select(devices).where(devices.c.operator_suspended)
