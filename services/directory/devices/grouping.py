"""The trust view is told which devices are in which groups."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from homeport.names import AccountId, DeviceId
from homeport.store.memberships import Membership, Memberships
from services.directory.schema import device_group_members
from services.directory.trust.changes import Change, Kind

_COLUMNS = device_group_members.c

ALL = select(device_group_members)
ORDER = (_COLUMNS.account_id, _COLUMNS.group_id, _COLUMNS.device_id)


class Grouping:
    """Tells the view; all methods raise Unavailable and may be repeated."""

    def __init__(self, view: Memberships) -> None:
        self._view = view

    async def put(self, rows: Sequence[Row[Any]]) -> None:
        """Tell of devices that are in groups."""
        if rows:
            await self._view.put(map(_membership, rows))

    async def bring(
        self, connection: AsyncConnection, changes: Sequence[Change]
    ) -> None:
        """Tell of changed memberships what PostgreSQL says now."""
        changed = {
            Membership(AccountId(each.account_id), each.place, DeviceId(each.id))
            for each in changes
            if each.kind is Kind.MEMBERSHIP
        }
        if changed:
            wanted = [(each.account, each.group, each.device) for each in changed]
            found = await connection.execute(ALL.where(tuple_(*ORDER).in_(wanted)))
            rows = found.all()
            await self._view.remove(changed - set(map(_membership, rows)))
            await self.put(rows)
        gone = [
            (AccountId(each.account_id), each.id)
            for each in changes
            if each.kind is Kind.GROUP
        ]
        if gone:
            await self._view.dissolve(gone)


def _membership(row: Row[Any]) -> Membership:
    return Membership(AccountId(row.account_id), row.group_id, DeviceId(row.device_id))
