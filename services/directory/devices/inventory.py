"""Devices in PostgreSQL, as callers change them; all methods raise Unavailable.

What they say is written beside what the device does, column by column, so that neither
writes over the other. Each change is told to the log in the same transaction.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    delete,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport import names
from homeport.names import AccountId, DeviceId
from homeport.runtime.database import reported
from services.directory import fields
from services.directory.accounts import limits
from services.directory.accounts.limits import Limit
from services.directory.devices import groups, journal
from services.directory.devices.device_fields import DEVICE, GROUPS_OF_DEVICE
from services.directory.devices.devices import Device
from services.directory.devices.journal import Deed
from services.directory.errors import Duplicate
from services.directory.schema import RECORDED, UNFINISHED, device_events, devices
from services.directory.trust.changes import Change, Kind, record

UNFINISHED_LIFE = timedelta(hours=1)
UNFINISHED_BATCH = 1_000

_COLUMNS = devices.c
_DEFAULT: ColumnElement[Any] = literal_column("DEFAULT")


class Inventory:
    """The devices of all accounts."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def create(
        self, account: AccountId, given: Mapping[str, Any], *, now: datetime
    ) -> DeviceId:
        """Record a device that has not come yet; raise Duplicate and LimitReached.

        Its id is that of its name (B-061); without a name it is a random one.
        """
        name = given["endpoint_name"]
        device = names.device_id(account, name) if name else DeviceId(uuid.uuid4().hex)
        fresh = Device(account, device, name, now, now, recorded=True)
        values = _row(fresh) | dict(given) | {"state": given["initial_state"]}
        untouched = {"deleted_revision", "credentials_not_before"}
        made = insert(devices).values(**values)
        made = made.on_conflict_do_update(
            index_elements=["account_id", "id"],
            set_={name: values[name] for name in values.keys() - untouched},
            where=~RECORDED,
        )
        with reported():
            async with self._engine.begin() as connection:
                if name and await _is_taken(connection, account, name):
                    raise Duplicate("device", "endpoint_name")
                await limits.check(connection, account, Limit.DEVICES)
                if not await connection.scalar(made.returning(_COLUMNS.id)):
                    raise Duplicate("device", "endpoint_name")
                after = await _shown(connection, account, device)
                said = {name: after[name] for name in after.keys() & given.keys()}
                identity = {name: after[name] for name in ("id", "account_id")}
                told = identity | said | {"state": after["state"]}
                await _tell(connection, Deed.CREATED, {}, told, now=now)
        return device

    async def change(
        self,
        account: AccountId,
        device: DeviceId,
        change: Callable[[Row[Any]], Mapping[str, Any]],
        *,
        deed: Deed,
        now: datetime,
    ) -> bool:
        """Change a device, if the account has it; what ``change`` raises is passed on.

        What it returns are columns. Nobody else changes the device meanwhile.
        """
        with reported():
            async with self._engine.begin() as connection:
                row = await _held(connection, account, device)
                if row is None:
                    return False
                given = {
                    name: value
                    for name, value in change(row).items()
                    if value != getattr(row, name)
                }
                if not given:
                    return True
                updated = {"updated_at": func.greatest(_COLUMNS.updated_at, now)}
                await connection.execute(_update(account, device, given | updated))
                after = await _shown(connection, account, device)
                await _tell(connection, deed, fields.build(DEVICE, row), after, now=now)
                if "operator_suspended" in given:
                    await _tell_edges(connection, account, device)
                return True

    async def delete(
        self,
        account: AccountId,
        device: DeviceId,
        check: Callable[[Row[Any]], None],
        *,
        revision: int,
        now: datetime,
    ) -> bool:
        """Delete a device, if the account has it; what ``check`` raises is passed on.

        Its place is kept, so that no fact up to ``revision`` brings it back, and no
        credential that it had is good any more.
        """
        with reported():
            async with self._engine.begin() as connection:
                row = await _held(connection, account, device)
                if row is None:
                    return False
                check(row)
                nothing = Device(account, device, row.endpoint_name, now, now)
                place = replace(
                    nothing,
                    deleted_revision=revision,
                    credentials_not_before=int(now.timestamp() * 1000),
                )
                await connection.execute(_update(account, device, _emptied(place)))
                await groups.leave(connection, account, device)
                before = fields.build(DEVICE, row)
                await _tell(connection, Deed.DELETED, before, before, now=now)
                await _tell_edges(connection, account, device)
                return True

    async def forget_unfinished(self, *, now: datetime) -> int:
        """Remove devices of developers whose first bootstrap never ended (B-051).

        Each had an id of its own, so that nothing else will ever come under it. Says
        how many there were.
        """
        unfinished = (
            select(devices, GROUPS_OF_DEVICE)
            .where(UNFINISHED, _COLUMNS.updated_at <= now - UNFINISHED_LIFE)
            .limit(UNFINISHED_BATCH)
            .with_for_update(of=devices, skip_locked=True)
        )
        with reported():
            async with self._engine.begin() as connection:
                rows = (await connection.execute(unfinished)).all()
                for row in rows:
                    await _forget(connection, row, now)
        return len(rows)


def _row(device: Device) -> dict[str, Any]:
    return asdict(device) | {"state": device.state.value}


def _emptied(device: Device) -> dict[str, Any]:
    """Return all columns of a device of which nothing is said any more."""
    row = _row(device)
    others = {column.name: _DEFAULT for column in _COLUMNS if column.name not in row}
    return others | row


def _mine(account: AccountId, device: DeviceId) -> Any:
    return (_COLUMNS.account_id == account) & (_COLUMNS.id == device)


def _update(account: AccountId, device: DeviceId, values: Mapping[str, Any]) -> Any:
    return update(devices).where(_mine(account, device)).values(**values)


async def _forget(connection: AsyncConnection, row: Row[Any], now: datetime) -> None:
    account, device = AccountId(row.account_id), DeviceId(row.id)
    await groups.leave(connection, account, device)
    await connection.execute(delete(devices).where(_mine(account, device)))
    before = fields.build(DEVICE, row)
    await _tell(connection, Deed.DELETED, before, before, now=now)
    await record(connection, [Change(Kind.DEVICE, account, device)])


async def _held(
    connection: AsyncConnection, account: AccountId, device: DeviceId
) -> Row[Any] | None:
    held = (
        select(devices, GROUPS_OF_DEVICE)
        .where(_mine(account, device), RECORDED)
        .with_for_update(of=devices)
    )
    row: Row[Any] | None = (await connection.execute(held)).one_or_none()
    return row


async def _shown(
    connection: AsyncConnection, account: AccountId, device: DeviceId
) -> dict[str, object]:
    query = select(devices, GROUPS_OF_DEVICE).where(_mine(account, device))
    return fields.build(DEVICE, (await connection.execute(query)).one())


async def _is_taken(connection: AsyncConnection, account: AccountId, name: str) -> bool:
    query = select(_COLUMNS.id).where(
        _COLUMNS.account_id == account, _COLUMNS.endpoint_name == name, RECORDED
    )
    return await connection.scalar(query.limit(1)) is not None


async def _tell(
    connection: AsyncConnection,
    deed: Deed,
    before: Mapping[str, object],
    after: Mapping[str, object],
    *,
    now: datetime,
) -> None:
    event = journal.done(deed, before, after, now=now)
    await connection.execute(insert(device_events), [asdict(event)])


async def _tell_edges(
    connection: AsyncConnection, account: AccountId, device: DeviceId
) -> None:
    kinds = (Kind.DEVICE, Kind.STANDING)
    await record(connection, [Change(kind, account, device) for kind in kinds])
