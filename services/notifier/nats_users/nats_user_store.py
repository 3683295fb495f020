"""The users of NATS in PostgreSQL.

All methods raise Unavailable when PostgreSQL is away.
"""

import secrets
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.errors import InvalidParameter
from homeport.events.facts import FactName
from homeport.names import AccountId
from homeport.runtime.database import reported
from services.notifier.nats_users.nats_users import Access, NatsUser, digest
from services.notifier.schema import nats_users
from services.notifier.transactions import changing


class NatsUserStore:
    """The users of all accounts; an account has at most ``most``."""

    def __init__(self, engine: AsyncEngine, *, most: int) -> None:
        self._engine = engine
        self._most = most

    async def get(self, account: AccountId, name: str) -> NatsUser | None:
        """Return a user of an account, if there is one of this name."""
        found = await self._all(
            select(nats_users).where(
                nats_users.c.account_id == account, nats_users.c.name == name
            )
        )
        return found[0] if found else None

    async def of_account(self, account: AccountId) -> list[NatsUser]:
        """Return the users of an account by their names."""
        return await self._all(
            select(nats_users)
            .where(nats_users.c.account_id == account)
            .order_by(nats_users.c.name)
        )

    async def named(self, identity: str) -> NatsUser | None:
        """Return the user that NATS calls so."""
        found = await self._all(select(nats_users).where(nats_users.c.id == identity))
        return found[0] if found else None

    async def ids(self) -> frozenset[str]:
        """Return what NATS calls the users of all accounts."""
        with reported():
            async with self._engine.connect() as connection:
                found = await connection.execute(select(nats_users.c.id))
                return frozenset(found.scalars())

    async def add(
        self,
        account: AccountId,
        name: str,
        access: Access,
        facts: Sequence[FactName],
        *,
        password: str,
    ) -> NatsUser:
        """Make a user; raise InvalidParameter where the name is taken.

        The same where the account has as many as it may.
        """
        statement = (
            insert(nats_users)
            .values(
                account_id=account,
                name=name,
                id=uuid.uuid4().hex,
                access=access,
                facts=sorted(facts),
                password_digest=digest(password),
                inbox=secrets.token_hex(16),
            )
            .on_conflict_do_nothing()
            .returning(nats_users)
        )
        count = select(func.count()).where(nats_users.c.account_id == account)
        async with changing(self._engine) as connection:
            made = (await connection.execute(statement)).one_or_none()
            if made is None:
                raise InvalidParameter("taken-name", "is another user's")
            if (await connection.execute(count)).scalar_one() > self._most:
                raise InvalidParameter("nats-users", f"are {self._most} already")
        return _user(made)

    async def remove(self, user: NatsUser) -> None:
        """Remove a user; harmless when repeated."""
        async with changing(self._engine) as connection:
            await connection.execute(
                delete(nats_users).where(nats_users.c.id == user.id)
            )

    async def _all(self, query: Select[Any]) -> list[NatsUser]:
        with reported():
            async with self._engine.connect() as connection:
                return [_user(row) for row in (await connection.execute(query)).all()]


def _user(row: Row[Any]) -> NatsUser:
    return NatsUser(
        id=row.id,
        account=AccountId(row.account_id),
        name=row.name,
        access=Access(row.access),
        facts=tuple(FactName(name) for name in row.facts),
        inbox=row.inbox,
        password_digest=row.password_digest,
        created_at=row.created_at,
    )
