"""Accounts and their API keys in PostgreSQL; all methods raise Unavailable."""

import uuid
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.names import AccountId
from homeport.runtime.database import reported
from homeport.store import trust
from homeport.store.trust import Grant
from services.directory.schema import accounts, api_keys

ACTIVE = "ACTIVE"
DEFAULT_KEY_NAME = "default"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of an API key: never the key itself."""

    digest: str
    grant: Grant
    active: bool


class AccountStore:
    """The accounts and their keys."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def ensure(self, account: AccountId, api_key: str | None) -> None:
        """Make sure of an account, and of a key of its administrator.

        Repeating is harmless, on any number of replicas: a key's id is computed from
        it. A key that was ensured before stays valid beside a new one, so a setting
        can change while replicas run; it is refused once its row is INACTIVE, which
        this never changes back.
        """
        with reported():
            async with self._engine.begin() as connection:
                await connection.execute(
                    insert(accounts).values(id=account).on_conflict_do_nothing()
                )
                if api_key is None:
                    return
                digest = trust.digest(api_key)
                await connection.execute(
                    insert(api_keys)
                    .values(
                        id=uuid.uuid5(uuid.UUID(account), digest).hex,
                        account_id=account,
                        digest=digest,
                        name=DEFAULT_KEY_NAME,
                        role="administrator",
                        status=ACTIVE,
                    )
                    .on_conflict_do_nothing()
                )

    async def keys(self) -> list[ApiKey]:
        """Return all keys, also those that are not active, in a fixed order."""
        with reported():
            async with self._engine.connect() as connection:
                rows = await connection.execute(
                    select(api_keys).order_by(api_keys.c.id)
                )
        return [
            ApiKey(
                row.digest,
                Grant(row.id, AccountId(row.account_id), row.role),
                row.status == ACTIVE,
            )
            for row in rows
        ]
