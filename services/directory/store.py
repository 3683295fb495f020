"""Devices and their events in PostgreSQL, as facts change them.

A transaction holds the devices that a batch of facts is about, in the order of their
keys: two replicas never wait for each other, and none writes over what it has not read.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    Column,
    Table,
    TableValuedAlias,
    Text,
    Update,
    and_,
    bindparam,
    column,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.runtime.database import reported
from services.directory.claims import claims, unclaimed
from services.directory.claims.claims import Claimed
from services.directory.claims.unclaimed import Unclaimed
from services.directory.devices.devices import Device, Key
from services.directory.devices.journal import DeviceEvent
from services.directory.schema import device_events, devices
from services.directory.trust.changes import Change, Kind, record

_DEVICE = tuple(devices.c[field.name] for field in fields(Device))
_STATED = (*_DEVICE, devices.c.state)
_EVENT = tuple(device_events.c[field.name] for field in fields(DeviceEvent))
_KEY = (devices.c.account_id, devices.c.id)


def _lines(columns: Iterable[Column[Any]]) -> TableValuedAlias:
    """Read columns of rows from one JSON text: many rows in one statement."""
    document = bindparam("lines", type_=Text).cast(JSON)
    read = [column(each.name, each.type) for each in columns]
    rows = func.json_to_recordset(document).table_valued(*read, name="line")
    return rows.render_derived(with_types=True)


def _insert(table: Table, columns: Sequence[Column[Any]]) -> Insert:
    """Insert lines; what is there stays as it is."""
    lines = _lines(columns)
    names = [each.name for each in columns]
    made = insert(table).from_select(names, select(*(lines.c[name] for name in names)))
    return made.on_conflict_do_nothing()


_WANTED = _lines(_KEY)
_HOLD = (
    select(*_DEVICE)
    .join(_WANTED, and_(*(each == _WANTED.c[each.name] for each in _KEY)))
    .order_by(*_KEY)
    .with_for_update(of=devices)
)
_MAKE = _insert(devices, _STATED)
_REMEMBER = _insert(device_events, _EVENT)


@cache
def _change(columns: frozenset[Column[Any]]) -> Update:
    """Change some columns of devices; there are as many as kinds of batches."""
    lines = _lines([*_KEY, *columns])
    return (
        update(devices)
        .where(and_(*(each == lines.c[each.name] for each in _KEY)))
        .values({each: lines.c[each.name] for each in columns})
    )


class Transaction:
    """What a batch of facts may do to devices; all of it, or nothing."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._held: dict[Key, Device] = {}

    async def hold(self, blanks: Mapping[Key, Device]) -> Mapping[Key, Device]:
        """Return devices as they are, and keep others from changing them.

        A device that is not there yet is made as it is given.
        """
        await self._hold([blanks[key] for key in sorted(blanks)])
        missing = [blanks[key] for key in sorted(blanks.keys() - self._held.keys())]
        if missing:
            await self._connection.execute(_MAKE, _document(_STATED, missing))
            await self._hold(missing)
        return self._held

    async def save(
        self, changed: Iterable[Device], events: Sequence[DeviceEvent]
    ) -> None:
        """Write devices that are held, and events; those it knows stay as they are."""
        if rows := list(changed):
            columns = _differing([self._held[row.key] for row in rows], rows)
            document = _document([*_KEY, *columns], rows)
            await self._connection.execute(_change(frozenset(columns)), document)
        if events:
            written = sorted(events, key=lambda event: (event.account_id, event.id))
            await self._connection.execute(_REMEMBER, _document(_EVENT, written))

    async def _hold(self, wanted: Sequence[Device]) -> None:
        if wanted:
            found = await self._connection.execute(_HOLD, _document(_KEY, wanted))
            held = (Device(*row) for row in found)
            self._held |= {device.key: device for device in held}

    async def enroll(self, came: Sequence[Claimed]) -> bool:
        """Mark the claims by which devices came; say whether there were any."""
        return await claims.use(self._connection, came)

    async def note(self, seen: Sequence[Unclaimed]) -> None:
        """Write down devices that are nobody's."""
        await unclaimed.note(self._connection, seen)

    async def tell(self, changed: Iterable[Device]) -> None:
        """Write down that the trust view has to be told of devices."""
        changes = [
            Change(Kind.DEVICE, device.account_id, device.id) for device in changed
        ]
        await record(self._connection, changes)


def _document(columns: Iterable[Column[Any]], rows: Iterable[object]) -> dict[str, str]:
    """Write rows down for a statement that reads lines."""
    names = [str(column.name) for column in columns]
    values = attrgetter(*names)
    lines = [dict(zip(names, values(row), strict=True)) for row in rows]
    return {"lines": orjson.dumps(lines).decode()}


def _differing(before: Iterable[Device], after: Iterable[Device]) -> list[Column[Any]]:
    """Return the columns that some device has another value in."""
    values = attrgetter(*(column.name for column in _STATED))
    was = zip(*map(values, before), strict=True)
    now = zip(*map(values, after), strict=True)
    pairs = zip(_STATED, was, now, strict=True)
    return [column for column, old, new in pairs if old != new]


class DeviceStore:
    """Opens transactions on the devices."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Entered: a transaction. Left: it is committed, or raises Unavailable."""
        with reported():
            async with self._engine.begin() as connection:
                yield Transaction(connection)
