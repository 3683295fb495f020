"""Device events by time: partitions that are made ahead, and dropped whole by policy.

A partition holds a week. What belongs to no week that there is lies with the others,
and goes into its own when that is made. All raise Unavailable.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    TableClause,
    column,
    delete,
    func,
    insert,
    select,
    table,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.runtime.database import reported
from services.directory.schema import SCHEMA, device_events

SPAN = timedelta(days=7)
AHEAD = 2
"""Weeks that are made before they begin."""

_TURN = 0x486F6D6548697374
"""Any number: the lock of who makes and drops partitions."""

_FIRST = datetime(1970, 1, 5, tzinfo=UTC)
"""A Monday."""

_NAME = re.compile(r"device_events_(\d{8})")
_PARTITIONS = text(
    "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
    " WHERE inhparent = 'directory.device_events'::regclass"
)


def _partition(called: str) -> TableClause:
    columns = (column(each.name, each.type) for each in device_events.columns)
    return table(called, *columns, schema=SCHEMA)


_OTHERS = _partition("device_events_others")


def week(time: datetime) -> datetime:
    """Return when the week of a time begins."""
    return _FIRST + (time - _FIRST) // SPAN * SPAN


def name(begins: datetime) -> str:
    """Name the partition of a week: 'device_events_20261123'."""
    return f"device_events_{begins:%Y%m%d}"


def parse(partition: str) -> datetime | None:
    """Return when the week of a partition begins; nothing for that of the others."""
    matched = _NAME.fullmatch(partition)
    return datetime.strptime(f"{matched[1]}Z", "%Y%m%d%z") if matched else None


class HistoryStore:
    """The partitions; events are kept for so many ``days``, and for their week."""

    def __init__(self, engine: AsyncEngine, *, days: float) -> None:
        self._engine = engine
        self._life = timedelta(days=days)

    async def keep(self, *, now: datetime) -> Sequence[str]:
        """Make what is missing and drop what is too old; return what was dropped.

        Repeating is harmless. A replica that finds another at work leaves it to that
        one, and none waits for long: what is in its way is tried again later.
        """
        wanted = {week(now) + SPAN * ahead for ahead in range(AHEAD + 1)}
        oldest = now - self._life
        with reported():
            async with self._engine.begin() as connection:
                there = await _there(connection)
                late = {begins for begins in there if begins + SPAN <= oldest}
                missing = wanted - there
                await connection.execute(
                    delete(_OTHERS).where(_OTHERS.c.date_time < oldest)
                )
                if not (missing or late) or not await _is_ours(connection):
                    return []
                await _make(connection, sorted(missing))
                return await _drop(connection, sorted(late))


async def _there(connection: AsyncConnection) -> set[datetime]:
    found = await connection.scalars(_PARTITIONS)
    return {begins for each in found if (begins := parse(each)) is not None}


async def _is_ours(connection: AsyncConnection) -> bool:
    await connection.execute(text("SET LOCAL lock_timeout = '1s'"))
    turn = select(func.pg_try_advisory_xact_lock(_TURN))
    return bool(await connection.scalar(turn))


async def _make(connection: AsyncConnection, weeks: Iterable[datetime]) -> None:
    """Make partitions, and move there what lies with the others."""
    parent, others = device_events.fullname, f"{SCHEMA}.{_OTHERS.name}"
    for begins in weeks:
        since, until, made = begins, begins + SPAN, _partition(name(begins))
        partition = f"{SCHEMA}.{made.name}"
        moved = (
            delete(_OTHERS)
            .where(_OTHERS.c.date_time >= since, _OTHERS.c.date_time < until)
            .returning(*_OTHERS.c)
            .cte("moved")
        )
        await connection.exec_driver_sql(f"LOCK TABLE {others}")
        await connection.exec_driver_sql(f"CREATE TABLE {partition} (LIKE {parent})")
        await connection.execute(
            insert(made).from_select(_OTHERS.c.keys(), select(moved))
        )
        await connection.exec_driver_sql(
            f"ALTER TABLE {parent} ATTACH PARTITION {partition}"
            f" FOR VALUES FROM ('{since.isoformat()}') TO ('{until.isoformat()}')"
        )


async def _drop(
    connection: AsyncConnection, weeks: Iterable[datetime]
) -> Sequence[str]:
    dropped = [name(begins) for begins in weeks]
    for partition in dropped:
        await connection.exec_driver_sql(f"DROP TABLE {SCHEMA}.{partition}")
    return dropped
