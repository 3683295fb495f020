"""Devices and their events in PostgreSQL, as facts change them.

A transaction holds the devices that a batch of facts is about, in the order of their
keys: two replicas never wait for each other, and none writes over what it has not read.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import ARRAY, Text, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.runtime.database import reported
from services.directory import claims
from services.directory.changes import Change, Kind, record
from services.directory.claims import Claimed
from services.directory.devices import Device, Key
from services.directory.journal import DeviceEvent
from services.directory.schema import device_events, devices

_WANTED = (
    func.unnest(
        bindparam("accounts", type_=ARRAY(Text)), bindparam("ids", type_=ARRAY(Text))
    )
    .table_valued("account_id", "id", name="wanted")
    .render_derived()
)
_HOLD = (
    select(devices)
    .join(
        _WANTED,
        (devices.c.account_id == _WANTED.c.account_id) & (devices.c.id == _WANTED.c.id),
    )
    .order_by(devices.c.account_id, devices.c.id)
    .with_for_update(of=devices)
)
_MAKE = insert(devices).on_conflict_do_nothing()
_CHANGE = update(devices).where(
    devices.c.account_id == bindparam("held_account"),
    devices.c.id == bindparam("held_id"),
)
_REMEMBER = insert(device_events).on_conflict_do_nothing()
_FIELDS = tuple(field.name for field in fields(Device))


class Transaction:
    """What a batch of facts may do to devices; all of it, or nothing."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def hold(self, blanks: Mapping[Key, Device]) -> dict[Key, Device]:
        """Return devices as they are, and keep others from changing them.

        A device that is not there yet is made as it is given.
        """
        if not blanks:
            return {}
        keys = sorted(blanks)
        await self._connection.execute(_MAKE, [_row(blanks[key]) for key in keys])
        accounts, ids = zip(*keys, strict=True)
        found = await self._connection.execute(
            _HOLD, {"accounts": list(accounts), "ids": list(ids)}
        )
        held = (_device(row) for row in found)
        return {device.key: device for device in held}

    async def save(
        self, changed: Iterable[Device], events: Sequence[DeviceEvent]
    ) -> None:
        """Write devices that are held, and events; those it knows stay as they are."""
        rows = [
            {"held_account": device.account_id, "held_id": device.id, **_row(device)}
            for device in changed
        ]
        if rows:
            await self._connection.execute(_CHANGE, rows)
        if events:
            written = sorted(events, key=lambda event: (event.account_id, event.id))
            await self._connection.execute(
                _REMEMBER, [asdict(each) for each in written]
            )

    async def enroll(self, came: Sequence[Claimed]) -> bool:
        """Mark the claims by which devices came; say whether there were any."""
        return await claims.use(self._connection, came)

    async def tell(self, changed: Iterable[Device]) -> None:
        """Write down that the trust view has to be told of devices."""
        changes = [
            Change(Kind.DEVICE, device.account_id, device.id) for device in changed
        ]
        await record(self._connection, changes)


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


def _row(device: Device) -> dict[str, Any]:
    return {name: getattr(device, name) for name in _FIELDS} | {
        "state": device.state.value
    }


def _device(row: Any) -> Device:
    return Device(*(getattr(row, name) for name in _FIELDS))
