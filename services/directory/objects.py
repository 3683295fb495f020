"""Objects that callers make, change and remove, and that nothing else depends on."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Table, delete, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.names import AccountId
from homeport.runtime.database import reported
from services.directory.errors import Duplicate


class ObjectStore:
    """The objects of one table; all methods raise Unavailable.

    ``kind`` is what callers call one. Where names are unique, Duplicate is raised.
    """

    def __init__(self, engine: AsyncEngine, table: Table, *, kind: str) -> None:
        self._engine = engine
        self._table = table
        self._kind = kind

    async def create(
        self, account: AccountId, given: Mapping[str, Any], *, now: datetime
    ) -> str:
        """Make an object; return its id."""
        identity = uuid.uuid4().hex
        times = {"created_at": now, "updated_at": now}
        values = {"account_id": account, "id": identity, **given, **times}
        await self._execute(insert(self._table).values(**values))
        return identity

    async def change(
        self,
        account: AccountId,
        identity: str,
        given: Mapping[str, Any],
        *,
        now: datetime,
    ) -> None:
        """Change an object, if the account has it."""
        values = {**given, "updated_at": now}
        mine = self._mine(account, identity)
        await self._execute(update(self._table).where(mine).values(**values))

    async def remove(self, account: AccountId, identity: str) -> bool:
        """Remove an object; say whether it was there."""
        mine = self._mine(account, identity)
        return await self._execute(delete(self._table).where(mine)) > 0

    def _mine(self, account: AccountId, identity: str) -> Any:
        table = self._table
        return (table.c.account_id == account) & (table.c.id == identity)

    async def _execute(self, statement: Any) -> int:
        with reported():
            async with self._engine.begin() as connection:
                try:
                    return int((await connection.execute(statement)).rowcount)
                except IntegrityError as error:
                    raise Duplicate(self._kind, "name") from error
