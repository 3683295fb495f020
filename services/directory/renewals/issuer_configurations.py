"""Which issuer signs the certificates of which name; all methods raise Unavailable.

A name that nothing is said of has Homeport's own issuer, as has one that says nothing.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.names import AccountId
from homeport.runtime.database import reported
from services.directory.errors import Duplicate, LimitReached
from services.directory.renewals.renewal_schema import (
    certificate_issuer_configurations,
)
from services.directory.schema import accounts

MOST = 100
"""Configurations of an account."""

_COLUMNS = certificate_issuer_configurations.c


def identity(account: AccountId, reference: str) -> str:
    """Return the id that the configuration of a name has, if there is one."""
    return uuid.uuid5(uuid.UUID(account), f"certificate issuer of {reference}").hex


def row(
    account: AccountId, reference: str, issuer: str | None, *, now: datetime
) -> dict[str, Any]:
    """Make the row of a configuration."""
    return {
        "account_id": account,
        "id": identity(account, reference),
        "reference": reference,
        "certificate_issuer_id": issuer,
        "created_at": now,
        "updated_at": now,
    }


class IssuerConfigurationStore:
    """The configurations of all accounts."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def create(
        self, account: AccountId, reference: str, issuer: str | None, *, now: datetime
    ) -> str:
        """Make one; return its id. Raises Duplicate and LimitReached."""
        made = insert(certificate_issuer_configurations).values(
            **row(account, reference, issuer, now=now)
        )
        with reported():
            async with self._engine.begin() as connection:
                held = select(accounts.c.id).where(accounts.c.id == account)
                await connection.execute(held.with_for_update())
                counted = select(func.count()).where(_COLUMNS.account_id == account)
                if (await connection.scalar(counted) or 0) >= MOST:
                    raise LimitReached("certificate issuer configurations", MOST)
                inserted = made.on_conflict_do_nothing().returning(_COLUMNS.id)
                if await connection.scalar(inserted) is None:
                    raise Duplicate("configuration", "reference")
        return identity(account, reference)

    async def put(
        self, account: AccountId, reference: str, issuer: str | None, *, now: datetime
    ) -> None:
        """Make one or change it."""
        made = insert(certificate_issuer_configurations).values(
            **row(account, reference, issuer, now=now)
        )
        made = made.on_conflict_do_update(
            index_elements=["account_id", "id"],
            set_={"certificate_issuer_id": issuer, "updated_at": now},
        )
        with reported():
            async with self._engine.begin() as connection:
                await connection.execute(made)

    async def change(
        self,
        account: AccountId,
        configuration: str,
        issuer: str | None,
        *,
        now: datetime,
    ) -> None:
        """Change one, if the account has it."""
        statement = update(certificate_issuer_configurations).where(
            _COLUMNS.account_id == account, _COLUMNS.id == configuration
        )
        with reported():
            async with self._engine.begin() as connection:
                await connection.execute(
                    statement.values(certificate_issuer_id=issuer, updated_at=now)
                )

    async def remove(self, account: AccountId, configuration: str) -> bool:
        """Remove one; say whether it was there."""
        statement = delete(certificate_issuer_configurations).where(
            _COLUMNS.account_id == account, _COLUMNS.id == configuration
        )
        with reported():
            async with self._engine.begin() as connection:
                return (await connection.execute(statement)).rowcount > 0

    async def find(self, account: AccountId, reference: str) -> Row[Any] | None:
        """Return the configuration of a name."""
        query = select(certificate_issuer_configurations).where(
            _COLUMNS.account_id == account, _COLUMNS.reference == reference
        )
        with reported():
            async with self._engine.connect() as connection:
                return (await connection.execute(query)).one_or_none()
