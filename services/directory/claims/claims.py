"""Ownership claims in PostgreSQL; the methods of the store raise Unavailable.

A claim is an account's word that a device is its own. The first one counts, whoever
tries later (B-136); one that was not used in time has never been (R-50).
"""

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.names import AccountId, DeviceId
from homeport.runtime.database import reported
from services.directory.claims.ownership_schema import device_enrollments
from services.directory.errors import Duplicate
from services.directory.schema import RECORDED, devices
from services.directory.trust.changes import Change, Kind, record

IDENTITY = re.compile("A-[A-Za-z0-9:]{95}")

_COLUMNS = device_enrollments.c
_NAMED = (_COLUMNS.account_id, _COLUMNS.id, _COLUMNS.fingerprint)


def fingerprint(identity: str) -> str:
    """Return what an enrollment identity is compared by: SHA-256 in hex (R-47)."""
    return identity[2:].replace(":", "").lower()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A device that has bootstrapped, by the certificate that it came with."""

    account: AccountId
    device: DeviceId
    fingerprint: str
    time: datetime


class ClaimStore:
    """The claims of all accounts; an unused one lives for so many ``days``."""

    def __init__(self, engine: AsyncEngine, *, days: float) -> None:
        self._engine = engine
        self._life = timedelta(days=days)

    async def add(self, account: AccountId, identity: str, *, now: datetime) -> str:
        """Claim a device; return the claim's id. Raises Duplicate."""
        with reported():
            async with self._engine.begin() as connection:
                made = await add(
                    connection, account, [identity], now=now, life=self._life
                )
        if not made:
            raise Duplicate("enrollment", "enrollment_identity")
        return made[fingerprint(identity)]

    async def remove(self, account: AccountId, identity: str) -> bool:
        """Remove a claim by its id; say whether it was there."""
        mine = (_COLUMNS.account_id == account) & (_COLUMNS.id == identity)
        with reported():
            async with self._engine.begin() as connection:
                gone = await connection.execute(
                    delete(device_enrollments).where(mine).returning(*_NAMED)
                )
                return bool(await _tell(connection, gone.all()))

    async def forget_expired(self, *, now: datetime) -> None:
        """Forget claims that were not used in time; the trust view has by itself."""
        with reported():
            async with self._engine.begin() as connection:
                await connection.execute(
                    delete(device_enrollments).where(
                        _COLUMNS.claimed_at.is_(None), _COLUMNS.expires_at <= now
                    )
                )


async def add(
    connection: AsyncConnection,
    account: AccountId,
    identities: Sequence[str],
    *,
    now: datetime,
    life: timedelta,
) -> dict[str, str]:
    """Claim devices; return the ids of the claims that are new, by fingerprint.

    A claim that has expired gives way.
    """
    rows = {
        fingerprint(identity): {
            "account_id": account,
            "id": uuid.uuid4().hex,
            "enrollment_identity": identity,
            "fingerprint": fingerprint(identity),
            "created_at": now,
            "updated_at": now,
            "claimed_at": None,
            "expires_at": now + life,
            "enrolled_device_id": None,
        }
        for identity in identities
    }
    if not rows:
        return {}
    made = insert(device_enrollments).values([rows[key] for key in sorted(rows)])
    made = made.on_conflict_do_update(
        index_elements=["fingerprint"],
        set_={column.name: made.excluded[column.name] for column in _COLUMNS},
        where=_COLUMNS.claimed_at.is_(None) & (_COLUMNS.expires_at <= now),
    )
    new = (await connection.execute(made.returning(*_NAMED))).all()
    await _tell(connection, new)
    return {row.fingerprint: row.id for row in new}


async def remove(
    connection: AsyncConnection, account: AccountId, identities: Iterable[str]
) -> dict[str, str]:
    """Remove claims; return the ids of those that were there, by fingerprint."""
    wanted = [fingerprint(identity) for identity in identities]
    gone = await connection.execute(
        delete(device_enrollments)
        .where(_COLUMNS.account_id == account, _COLUMNS.fingerprint.in_(wanted))
        .returning(*_NAMED)
    )
    rows = gone.all()
    await _tell(connection, rows)
    return {row.fingerprint: row.id for row in rows}


async def use(connection: AsyncConnection, came: Sequence[Claimed]) -> bool:
    """Mark the claims by which devices have come; say whether there were any.

    Repeating is harmless: a claim is used once. Whoever had a device before has it no
    more: its credentials there end with this (B-145).
    """
    by_fingerprint = {each.fingerprint: each for each in came if each.fingerprint}
    if not by_fingerprint:
        return False
    found = await connection.execute(
        select(*_NAMED)
        .where(_COLUMNS.fingerprint.in_(by_fingerprint), _COLUMNS.claimed_at.is_(None))
        .order_by(_COLUMNS.fingerprint)
        .with_for_update()
    )
    used = [
        (row, by_fingerprint[row.fingerprint])
        for row in found
        if row.account_id == by_fingerprint[row.fingerprint].account
    ]
    for row, claimed in used:
        await _use(connection, row, claimed)
    await _tell(connection, [row for row, _ in used])
    return bool(used)


async def _use(connection: AsyncConnection, row: Any, claimed: Claimed) -> None:
    account, device, time = claimed.account, claimed.device, claimed.time
    await connection.execute(
        update(device_enrollments)
        .where(_COLUMNS.account_id == row.account_id, _COLUMNS.id == row.id)
        .values(claimed_at=time, updated_at=time, enrolled_device_id=device)
    )
    await connection.execute(
        update(devices)
        .where(devices.c.account_id == account, devices.c.id == device)
        .values(enrolment_list_timestamp=time)
    )
    ended = int(time.timestamp() * 1000)
    left = await connection.execute(
        update(devices)
        .where(
            devices.c.fingerprint == claimed.fingerprint,
            devices.c.account_id != account,
            RECORDED,
        )
        .values(
            credentials_not_before=func.greatest(
                devices.c.credentials_not_before, ended
            )
        )
        .returning(devices.c.account_id, devices.c.id)
    )
    await record(connection, [Change(Kind.DEVICE, *each) for each in left.all()])


async def _tell(connection: AsyncConnection, rows: Sequence[Any]) -> int:
    changes = [
        Change(Kind.CLAIM, row.account_id, row.id, row.fingerprint) for row in rows
    ]
    await record(connection, changes)
    return len(changes)
