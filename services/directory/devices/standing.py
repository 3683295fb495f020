"""Whether devices may be registered: the sessions of those that may not are ended."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, select, tuple_

from homeport import names
from homeport.names import DeviceId
from homeport.store.clock import StoreClock
from homeport.store.connection import Connection
from homeport.store.edges import EdgeRegistry
from homeport.store.operations import Dismiss, Operation, Readmit
from homeport.store.sessions import SessionStore
from services.directory.schema import devices
from services.directory.trust.changes import Change, Kind

_KEY = tuple_(devices.c.account_id, devices.c.id)


class Standing:
    """Tells the sessions; all methods raise Unavailable and may be repeated."""

    def __init__(self, connection: Connection, *, buckets: int) -> None:
        clock = StoreClock(asyncio.get_running_loop().time)
        self._clock = clock
        self._registry = EdgeRegistry(connection, clock)
        self._buckets = buckets
        self._sessions = SessionStore(
            connection, clock, edge=names.new_edge_id("directory"), buckets=buckets
        )

    async def put(self, rows: Sequence[Row[Any]]) -> None:
        """End the sessions of suspended and of deleted devices; let others come."""
        if not rows:
            return
        await self._registry.look()
        operations = [self._operation(row) for row in rows]
        await self._sessions.execute(operations, arrived=self._clock.now())

    async def moment(self) -> int:
        """Return the time that facts are ordered by, in microseconds."""
        await self._registry.look()
        return self._clock.microseconds(self._clock.now())

    def _operation(self, row: Row[Any]) -> Operation:
        device = DeviceId(row.id)
        bucket = names.bucket(device, self._buckets)
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
