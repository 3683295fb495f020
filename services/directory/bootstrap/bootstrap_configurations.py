"""What accounts want written at bootstrap, in PostgreSQL: seen, and sealed."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.keyring import Keyring
from homeport.names import AccountId, EndpointName
from homeport.protocol import configurations as selection
from homeport.protocol.configurations import DEFAULT, Configuration, Selector
from homeport.protocol.objects.definitions import Definitions
from homeport.protocol.profiles import Profile
from homeport.runtime.database import reported
from homeport.store import configurations
from services.directory.answers import Refused
from services.directory.bootstrap import bootstrap_typing, object_definitions
from services.directory.bootstrap.bootstrap_configuration_bodies import UNSAID
from services.directory.bootstrap.bootstrap_schema import bootstrap_configurations
from services.directory.errors import Duplicate
from services.directory.trust.changes import Change, Kind, record

MOST = 100
"""Configurations of an account."""

_COLUMNS = bootstrap_configurations.c


class ConfigurationStore:
    """The configurations of all accounts; all methods raise Unavailable."""

    def __init__(self, engine: AsyncEngine, keyring: Keyring) -> None:
        self._engine = engine
        self._keyring = keyring

    async def create(
        self, account: AccountId, given: Mapping[str, Any], *, now: datetime
    ) -> str:
        """Make a configuration; return its id.

        Raises InvalidParameter, Duplicate, and Refused where there are too many.
        """
        identity = uuid.uuid4().hex
        times = {"created_at": now, "updated_at": now}
        with reported():
            async with self._engine.begin() as connection:
                await _check_count(connection, account)
                values = await self._values(connection, account, identity, given)
                statement = insert(bootstrap_configurations).values(
                    account_id=account, id=identity, **values, **times
                )
                await _execute(connection, statement)
                await record(connection, [_change(account, identity)])
        return identity

    async def change(
        self,
        account: AccountId,
        identity: str,
        changes: Mapping[str, Any],
        *,
        now: datetime,
    ) -> bool:
        """Change a configuration, if the account has it; raise as `create` does."""
        mine = (_COLUMNS.account_id == account) & (_COLUMNS.id == identity)
        held = select(bootstrap_configurations).where(mine).with_for_update()
        with reported():
            async with self._engine.begin() as connection:
                row = (await connection.execute(held)).one_or_none()
                if row is None:
                    return False
                given = {name: getattr(row, name) for name in ("name", *UNSAID)}
                values = await self._values(
                    connection,
                    account,
                    identity,
                    {**given, **changes},
                    before=open_content(row, self._keyring),
                )
                statement = update(bootstrap_configurations).where(mine)
                await _execute(connection, statement.values(**values, updated_at=now))
                await record(connection, [_change(account, identity)])
        return True

    async def remove(self, account: AccountId, identity: str) -> bool:
        """Remove a configuration; say whether it was there."""
        mine = (_COLUMNS.account_id == account) & (_COLUMNS.id == identity)
        with reported():
            async with self._engine.begin() as connection:
                gone = await connection.execute(
                    delete(bootstrap_configurations).where(mine)
                )
                if gone.rowcount:
                    await record(connection, [_change(account, identity)])
                return bool(gone.rowcount)

    async def select(
        self, account: AccountId, endpoint_name: EndpointName, profile: Profile
    ) -> Configuration:
        """Return what counts for a device, as edges select it.

        Raises InvalidFormat when no secret of the keyring opens it.
        """
        mine = select(bootstrap_configurations).where(_COLUMNS.account_id == account)
        with reported():
            async with self._engine.connect() as connection:
                rows = (await connection.execute(mine)).all()
        found = {row.id: row for row in rows}
        selected = selection.select(map(selector, rows), endpoint_name, profile)
        if selected is None:
            return DEFAULT
        return open_content(found[selected.id], self._keyring)

    async def known(self, account: AccountId) -> Definitions:
        """Return what is known of objects in an account."""
        with reported():
            async with self._engine.connect() as connection:
                return await object_definitions.known(connection, account)

    async def _values(
        self,
        connection: AsyncConnection,
        account: AccountId,
        identity: str,
        given: Mapping[str, Any],
        *,
        before: Configuration | None = None,
    ) -> dict[str, Any]:
        definitions = await object_definitions.known(connection, account)
        made = bootstrap_typing.typed(identity, given, definitions, before=before)
        content = self._keyring.seal(configurations.build(made), place=place(identity))
        return {**bootstrap_typing.masked(given, definitions), "content": content}


def selector(row: Row[Any]) -> Selector:
    """Return which devices the configuration of a row is for."""
    return Selector(
        row.id,
        row.priority,
        row.endpoint_name_pattern,
        tuple(row.device_profiles),
        int(row.created_at.timestamp() * 1_000_000),
    )


def open_content(row: Row[Any], keyring: Keyring) -> Configuration:
    """Open the configuration of a row; raise InvalidFormat when the keyring cannot."""
    return configurations.parse(keyring.open(row.content, place=place(row.id)))


async def _check_count(connection: AsyncConnection, account: AccountId) -> None:
    count = select(func.count()).where(_COLUMNS.account_id == account)
    if (await connection.scalar(count) or 0) >= MOST:
        raise Refused(
            403, "account_limit_exceeded", f"there are {MOST} configurations already"
        )


async def _execute(connection: AsyncConnection, statement: Any) -> None:
    try:
        await connection.execute(statement)
    except IntegrityError as error:
        raise Duplicate("configuration", "name") from error


def _change(account: AccountId, identity: str) -> Change:
    return Change(Kind.BOOTSTRAP_CONFIGURATION, account, identity)


def place(identity: str) -> str:
    """Say where a configuration lies."""
    return f"directory:bootstrap-configuration:{identity}"
