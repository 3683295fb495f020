"""Accounts and their API keys in PostgreSQL; all methods raise Unavailable."""

import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.names import AccountId
from homeport.runtime.database import reported
from homeport.store import trust
from services.directory.accounts import limits
from services.directory.accounts.limits import Limit
from services.directory.credentials import direct
from services.directory.errors import Duplicate
from services.directory.schema import accounts, api_keys
from services.directory.trust.changes import Change, Kind, record

ACTIVE = "ACTIVE"
ADMINISTRATOR: Mapping[str, Any] = {
    "name": "default",
    "role": "administrator",
    "status": ACTIVE,
    "owner": "",
    "groups": [],
}
"""The first key of an account."""

SECRET_LENGTH = 32
"""Hex characters at the end of a key; what stands before them is no secret (R-73)."""

KEY_LENGTH = 64
"""Of a key that is shorter nothing is shown: an operator has chosen it."""

_PREFIX = "ak_1"
_COLUMNS = api_keys.c
_USE = (
    update(api_keys)
    .where(
        _COLUMNS.id == bindparam("used"),
        _COLUMNS.last_login_time < bindparam("milliseconds"),
    )
    .values(last_login_time=bindparam("milliseconds"))
)


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
                identity = uuid.uuid5(uuid.UUID(account), trust.digest(api_key)).hex
                await _add(connection, account, identity, api_key, ADMINISTRATOR)

    async def account(self, account: AccountId) -> Row[Any] | None:
        """Return an account."""
        with reported():
            async with self._engine.connect() as connection:
                query = select(accounts).where(accounts.c.id == account)
                row: Row[Any] | None = (await connection.execute(query)).one_or_none()
                return row

    async def create(
        self, given: Mapping[str, Any], *, now: datetime
    ) -> tuple[AccountId, str]:
        """Make an account; return its id, and a key of its administrator.

        Raises Duplicate for a name that another has.
        """
        account = AccountId(uuid.uuid4().hex)
        values = {"id": account, "created_at": now, "updated_at": now, **given}
        with reported():
            async with self._engine.begin() as connection:
                await _execute(connection, insert(accounts).values(**values))
                _, key = await _create_key(connection, account, ADMINISTRATOR)
        return account, key

    async def change(
        self, account: AccountId, given: Mapping[str, Any], *, now: datetime
    ) -> bool:
        """Change an account; say whether it is there. Raises Duplicate.

        Whether its devices may register directly is told to the trust view.
        """
        mine = accounts.c.id == account
        with reported():
            async with self._engine.begin() as connection:
                held = select(accounts.c.direct_registration).where(mine)
                before = await connection.scalar(held.with_for_update())
                if before is None:
                    return False
                values = {**given, "updated_at": now}
                await _execute(
                    connection, update(accounts).where(mine).values(**values)
                )
                if given.get("direct_registration", before) != before:
                    await direct.record(connection, account)
                return True

    async def create_key(
        self, account: AccountId, given: Mapping[str, Any]
    ) -> tuple[str, str]:
        """Make a key; return its id, and the key itself, which nobody sees again.

        Raises LimitReached.
        """
        with reported():
            async with self._engine.begin() as connection:
                await connection.execute(
                    insert(accounts).values(id=account).on_conflict_do_nothing()
                )
                await limits.check(connection, account, Limit.API_KEYS)
                return await _create_key(connection, account, given)

    async def change_key(
        self,
        account: AccountId,
        identity: str,
        given: Mapping[str, Any],
        *,
        now: datetime,
    ) -> None:
        """Change a key, if the account has it."""
        values = {**given, "updated_at": now}
        mine = _mine(account, identity)
        await self._write(update(api_keys).where(mine).values(**values))

    async def remove_key(self, account: AccountId, identity: str) -> bool:
        """Remove a key; say whether it was there."""
        return await self._write(delete(api_keys).where(_mine(account, identity)))

    async def note_used(self, used: Mapping[str, int]) -> None:
        """Keep when keys were last used, in milliseconds since 1970 by their ids."""
        rows = [
            {"used": identity, "milliseconds": time} for identity, time in used.items()
        ]
        if rows:
            with reported():
                async with self._engine.begin() as connection:
                    await connection.execute(_USE, rows)

    async def _write(self, statement: Any) -> bool:
        with reported():
            async with self._engine.begin() as connection:
                written = statement.returning(
                    _COLUMNS.account_id, _COLUMNS.id, _COLUMNS.digest
                )
                row = (await connection.execute(written)).one_or_none()
                if row is None:
                    return False
                await record(connection, [Change(Kind.API_KEY, *row)])
                return True


async def _execute(connection: AsyncConnection, statement: Any) -> None:
    try:
        await connection.execute(statement)
    except IntegrityError as error:
        raise Duplicate("account", "name") from error


async def _create_key(
    connection: AsyncConnection, account: AccountId, given: Mapping[str, Any]
) -> tuple[str, str]:
    identity = uuid.uuid4().hex
    key = f"{_PREFIX}{identity}{secrets.token_hex(SECRET_LENGTH // 2)}"
    await _add(connection, account, identity, key, given)
    return identity, key


def _mine(account: AccountId, identity: str) -> Any:
    return (_COLUMNS.account_id == account) & (_COLUMNS.id == identity)


async def _add(
    connection: AsyncConnection,
    account: AccountId,
    identity: str,
    key: str,
    given: Mapping[str, Any],
) -> None:
    """Add a key unless it is there; only its digest and its beginning are kept."""
    digest = trust.digest(key)
    values = {
        "id": identity,
        "account_id": account,
        "digest": digest,
        "key": key[:-SECRET_LENGTH] if len(key) >= KEY_LENGTH else "",
    }
    made = insert(api_keys).values(**values, **given).on_conflict_do_nothing()
    if await connection.scalar(made.returning(_COLUMNS.id)) is not None:
        await record(connection, [Change(Kind.API_KEY, account, identity, digest)])
