"""Which devices are in which groups; all raise Unavailable."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.names import AccountId, DeviceId
from homeport.runtime.database import reported
from services.directory import fields
from services.directory.devices import journal
from services.directory.devices.device_fields import DEVICE, GROUPS_OF_DEVICE
from services.directory.devices.journal import Deed
from services.directory.schema import (
    RECORDED,
    device_events,
    device_group_members,
    device_groups,
    devices,
)
from services.directory.trust.changes import Change, Kind, record

_MEMBERS = device_group_members.c
_GROUPS = device_groups.c


class MembershipStore:
    """Puts devices into groups and takes them out; doing it twice is doing it once.

    The trust view has to be told after each.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, account: AccountId, group: str, device: DeviceId) -> bool:
        """Put a device into a group; say whether the account has both."""
        with reported():
            async with self._engine.begin() as connection:
                held = await _hold(connection, account, group, device)
                if held is None:
                    return False
                added = await connection.execute(
                    insert(device_group_members)
                    .values(account_id=account, group_id=group, device_id=device)
                    .on_conflict_do_nothing()
                )
                if added.rowcount:
                    await _count(connection, account, [group], 1)
                    await _tell(connection, held, Deed.ADDED_TO_GROUP)
                    await _record(connection, account, [group], device)
                return True

    async def remove(self, account: AccountId, group: str, device: DeviceId) -> bool:
        """Take a device out of a group; say whether the account has both."""
        with reported():
            async with self._engine.begin() as connection:
                held = await _hold(connection, account, group, device)
                if held is None:
                    return False
                removed = await connection.execute(
                    delete(device_group_members).where(
                        _MEMBERS.account_id == account,
                        _MEMBERS.group_id == group,
                        _MEMBERS.device_id == device,
                    )
                )
                if removed.rowcount:
                    await _count(connection, account, [group], -1)
                    await _tell(connection, held, Deed.REMOVED_FROM_GROUP)
                    await _record(connection, account, [group], device)
                return True

    async def dissolve(self, account: AccountId, group: str) -> bool:
        """Delete a group; its devices stay. Say whether the account had it."""
        gone = delete(device_groups).where(
            _GROUPS.account_id == account, _GROUPS.id == group
        )
        with reported():
            async with self._engine.begin() as connection:
                if not (await connection.execute(gone)).rowcount:
                    return False
                await record(connection, [Change(Kind.GROUP, account, group)])
                return True


async def leave(
    connection: AsyncConnection, account: AccountId, device: DeviceId
) -> None:
    """Take a device out of all its groups, in the transaction that deletes it."""
    gone = (
        delete(device_group_members)
        .where(_MEMBERS.account_id == account, _MEMBERS.device_id == device)
        .returning(_MEMBERS.group_id)
    )
    groups = list((await connection.scalars(gone)).all())
    if groups:
        await _count(connection, account, sorted(groups), -1)
        await _record(connection, account, groups, device)


def within(account: AccountId, group: str) -> ColumnElement[bool]:
    """Ask for the devices of a group."""
    members = select(_MEMBERS.device_id).where(
        _MEMBERS.account_id == account, _MEMBERS.group_id == group
    )
    return devices.c.id.in_(members)


async def _hold(
    connection: AsyncConnection, account: AccountId, group: str, device: DeviceId
) -> Row[Any] | None:
    """Keep others from changing a group; return the device, if both are there."""
    held = (
        select(devices, GROUPS_OF_DEVICE)
        .join(device_groups, _GROUPS.account_id == devices.c.account_id)
        .where(
            _GROUPS.account_id == account,
            _GROUPS.id == group,
            devices.c.id == device,
            RECORDED,
        )
        .with_for_update(of=device_groups)
    )
    row: Row[Any] | None = (await connection.execute(held)).one_or_none()
    return row


async def _tell(connection: AsyncConnection, row: Row[Any], deed: Deed) -> None:
    """Write down in which groups a device was, and in which it is now."""
    mine = (devices.c.account_id == row.account_id) & (devices.c.id == row.id)
    now = await connection.scalar(select(GROUPS_OF_DEVICE).where(mine))
    before = fields.build(DEVICE, row)
    event = journal.done(deed, before, before | {"groups": now}, now=datetime.now(UTC))
    await connection.execute(insert(device_events), [asdict(event)])


async def _count(
    connection: AsyncConnection, account: AccountId, groups: list[str], more: int
) -> None:
    await connection.execute(
        update(device_groups)
        .where(_GROUPS.account_id == account, _GROUPS.id.in_(groups))
        .values(
            devices_count=_GROUPS.devices_count + more,
            updated_at=func.greatest(_GROUPS.updated_at, func.now()),
        )
    )


async def _record(
    connection: AsyncConnection,
    account: AccountId,
    groups: Iterable[str],
    device: DeviceId,
) -> None:
    await record(
        connection,
        [Change(Kind.MEMBERSHIP, account, device, group) for group in groups],
    )
