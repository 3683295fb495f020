"""Uploads and deletions of many claims, done piece by piece by whoever has time.

A piece is one transaction: whatever fails in between, each line is done once. All
methods raise Unavailable.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    DateTime,
    Integer,
    Row,
    Text,
    bindparam,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.names import AccountId
from homeport.runtime.database import reported
from services.directory import times
from services.directory.claims import claims
from services.directory.claims.claims import IDENTITY, fingerprint
from services.directory.claims.enrollment_csv import Result
from services.directory.claims.ownership_schema import (
    enrollment_task_rows,
    enrollment_tasks,
)
from services.directory.storable import storable

PIECE = 1_000
"""Lines that are done in one transaction."""

_TASKS = enrollment_tasks.c
_ROWS = enrollment_task_rows.c
_LINES = (
    func.unnest(bindparam("identities", type_=ARRAY(Text)))
    .table_valued("identity", with_ordinality="number", name="line")
    .render_derived()
)
_FILL = insert(enrollment_task_rows).from_select(
    ["account_id", "task_id", "number", "identity"],
    select(
        bindparam("account", type_=Text),
        bindparam("task", type_=Text),
        _LINES.c.number.cast(Integer),
        _LINES.c.identity,
    ).select_from(_LINES),
)
_OPEN = (
    select(enrollment_tasks)
    .where(_TASKS.completed_at.is_(None))
    .order_by(_TASKS.created_at)
    .limit(1)
    .with_for_update(skip_locked=True)
)


class TaskStore:
    """The tasks of all accounts."""

    def __init__(self, engine: AsyncEngine, *, days: float) -> None:
        self._engine = engine
        self._life = timedelta(days=days)

    async def create(
        self, account: AccountId, identities: Sequence[str], *, deletes: bool
    ) -> str:
        """Take in a list; return the id of its task."""
        task, now = uuid.uuid4().hex, datetime.now(UTC)
        values = {
            "account_id": account,
            "id": task,
            "deletes": deletes,
            "status": "new",
            "total_count": len(identities),
            "processed_count": 0,
            "errors_count": 0,
            "created_at": now,
            "updated_at": now,
        }
        lines = [storable(identity) for identity in identities]
        with reported():
            async with self._engine.begin() as connection:
                await connection.execute(insert(enrollment_tasks).values(**values))
                await connection.execute(
                    _FILL, {"account": account, "task": task, "identities": lines}
                )
        return task

    async def results(self, account: AccountId, task: str) -> list[Result]:
        """Return what has come of the lines of a task, in order."""
        query = (
            select(_ROWS.entity_id, _ROWS.done_at, _ROWS.error)
            .where(
                _ROWS.account_id == account,
                _ROWS.task_id == task,
                _ROWS.done_at.is_not(None),
            )
            .order_by(_ROWS.number)
        )
        with reported():
            async with self._engine.connect() as connection:
                rows = (await connection.execute(query)).all()
        return [
            Result(
                row.entity_id or "",
                times.build(row.done_at) if row.entity_id else "",
                row.error or "",
            )
            for row in rows
        ]

    async def work(self) -> bool:
        """Do a piece of the oldest task that nobody is at; say if there was one."""
        with reported():
            async with self._engine.begin() as connection:
                task = (await connection.execute(_OPEN)).one_or_none()
                if task is None:
                    return False
                await self._do(connection, task)
                return True

    async def _do(self, connection: AsyncConnection, task: Row[Any]) -> None:
        now, done = datetime.now(UTC), task.processed_count
        found = await connection.execute(
            select(_ROWS.number, _ROWS.identity)
            .where(
                _ROWS.account_id == task.account_id,
                _ROWS.task_id == task.id,
                _ROWS.number > done,
            )
            .order_by(_ROWS.number)
            .limit(PIECE)
        )
        lines = {row.number: row.identity for row in found}
        good = {
            number: fingerprint(identity)
            for number, identity in lines.items()
            if IDENTITY.fullmatch(identity)
        }
        wanted = [lines[number] for number in good]
        account = AccountId(task.account_id)
        if task.deletes:
            made = await claims.remove(connection, account, wanted)
        else:
            made = await claims.add(
                connection, account, wanted, now=now, life=self._life
            )
        results = _results(lines, good, made, deletes=task.deletes)
        await _write(connection, task, results, now)


def _results(
    lines: Mapping[int, str],
    good: Mapping[int, str],
    made: dict[str, str],
    *,
    deletes: bool,
) -> list[dict[str, Any]]:
    """Say what has come of each line; of equal ones, the first has done it."""
    left = dict(made)
    results = []
    for number in lines:
        entity, error = None, "validation_error"
        if number in good:
            entity = left.pop(good[number], None)
            error = "not_found" if deletes else "duplicate"
        results.append(
            {"line": number, "entity": entity, "wrong": None if entity else error}
        )
    return results


async def _write(
    connection: AsyncConnection,
    task: Row[Any],
    results: Sequence[dict[str, Any]],
    now: datetime,
) -> None:
    mine = (_ROWS.account_id == task.account_id) & (_ROWS.task_id == task.id)
    if results:
        await connection.execute(
            update(enrollment_task_rows)
            .where(mine, _ROWS.number == bindparam("line"))
            .values(
                entity_id=bindparam("entity"),
                error=bindparam("wrong"),
                done_at=literal(now, DateTime(timezone=True)),
            ),
            results,
        )
    processed = task.processed_count + len(results)
    completed = processed >= task.total_count
    wrong = sum(each["wrong"] is not None for each in results)
    await connection.execute(
        update(enrollment_tasks)
        .where(_TASKS.account_id == task.account_id, _TASKS.id == task.id)
        .values(
            status="completed" if completed else "processing",
            processed_count=processed,
            errors_count=task.errors_count + wrong,
            completed_at=now if completed else None,
            updated_at=now,
        )
    )
