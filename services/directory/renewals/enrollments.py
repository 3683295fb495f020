"""Renewals that were asked for, in PostgreSQL; the methods raise Unavailable.

An enrollment is here before its device is asked, so it ends whatever dies in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.names import AccountId, DeviceId
from homeport.runtime.database import reported
from services.directory.errors import Running
from services.directory.renewals import outcomes
from services.directory.renewals.outcomes import LOST, Ended, EnrollResult
from services.directory.renewals.renewal_schema import (
    COMPLETED,
    ENDED,
    NEW,
    OPEN,
    certificate_enrollments,
)

MOST = 1_000
"""Enrollments that are looked at, or forgotten, in one go."""

_COLUMNS = certificate_enrollments.c


@dataclass(frozen=True, slots=True)
class Enrollment:
    """A device that was asked to renew a certificate and has not answered."""

    account_id: AccountId
    id: str
    device_id: DeviceId

    @property
    def request_id(self) -> str:
        """The id that the request has in the device's queue."""
        return outcomes.request_id(self.id)


class EnrollmentStore:
    """The renewals of all accounts; one that is over is kept for so many ``days``."""

    def __init__(self, engine: AsyncEngine, *, days: float) -> None:
        self._engine = engine
        self._life = timedelta(days=days)

    async def open(
        self, enrollment: Enrollment, certificate: str, *, now: datetime
    ) -> None:
        """Write down that a device is asked; raise Running where it has to answer."""
        statement = insert(certificate_enrollments).values(
            account_id=enrollment.account_id,
            id=enrollment.id,
            device_id=enrollment.device_id,
            certificate_name=certificate,
            enroll_status=NEW,
            created_at=now,
            updated_at=now,
        )
        with reported():
            async with self._engine.begin() as connection:
                try:
                    await connection.execute(statement)
                except IntegrityError as error:
                    raise Running from error

    async def withdraw(self, enrollment: Enrollment) -> None:
        """Take it back: the device is not asked."""
        statement = delete(certificate_enrollments).where(
            _COLUMNS.account_id == enrollment.account_id, _COLUMNS.id == enrollment.id
        )
        with reported():
            async with self._engine.begin() as connection:
                await connection.execute(statement)

    async def complete(self, ended: Sequence[Ended]) -> None:
        """Write down what came of some; repeating is harmless.

        What a device says is true of one that was taken for lost, too.
        """
        with reported():
            async with self._engine.begin() as connection:
                for each in sorted(ended, key=lambda one: one.enrollment):
                    await connection.execute(
                        update(certificate_enrollments)
                        .where(
                            _COLUMNS.account_id == each.account,
                            _COLUMNS.id == each.enrollment,
                        )
                        .values(
                            enroll_status=COMPLETED,
                            enroll_result=each.result.value,
                            enroll_result_detail=each.detail,
                            updated_at=func.greatest(_COLUMNS.created_at, each.time),
                        )
                    )

    async def lose(self, enrollment: Enrollment, *, now: datetime) -> bool:
        """End one that nothing will end any more; False where something has."""
        statement = (
            update(certificate_enrollments)
            .where(
                _COLUMNS.account_id == enrollment.account_id,
                _COLUMNS.id == enrollment.id,
                OPEN,
            )
            .values(
                enroll_status=COMPLETED,
                enroll_result=EnrollResult.FAILURE.value,
                enroll_result_detail=LOST,
                updated_at=now,
            )
        )
        with reported():
            async with self._engine.begin() as connection:
                return (await connection.execute(statement)).rowcount > 0

    async def older_than(
        self, age: timedelta, *, after: str = ""
    ) -> Sequence[Enrollment]:
        """Return those that have been open for so long, ``MOST`` of them at once.

        They come in the order of their requests' ids, from the first ``after`` one.
        """
        query = (
            select(_COLUMNS.account_id, _COLUMNS.id, _COLUMNS.device_id)
            .where(
                OPEN,
                _COLUMNS.created_at < func.now() - literal(age),
                _COLUMNS.id > outcomes.enrollment_of(after),
            )
            .order_by(_COLUMNS.id)
            .limit(MOST)
        )
        with reported():
            async with self._engine.connect() as connection:
                rows = (await connection.execute(query)).all()
        return [Enrollment(*row) for row in rows]

    async def forget(self, *, now: datetime) -> None:
        """Forget what is over for long, ``MOST`` of it at once."""
        old = (
            select(_COLUMNS.account_id, _COLUMNS.id)
            .where(ENDED, _COLUMNS.updated_at < now - self._life)
            .order_by(_COLUMNS.updated_at)
            .limit(MOST)
            .subquery()
        )
        statement = delete(certificate_enrollments).where(
            _COLUMNS.account_id == old.c.account_id, _COLUMNS.id == old.c.id
        )
        with reported():
            async with self._engine.begin() as connection:
                await connection.execute(statement)
