"""The object definitions that accounts have uploaded, in PostgreSQL."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.errors import InvalidParameter
from homeport.names import AccountId
from homeport.protocol.objects.core import CORE
from homeport.protocol.objects.definitions import Definitions, ObjectDefinition
from homeport.runtime.database import reported
from homeport.store import configurations
from services.directory.bootstrap.bootstrap_schema import object_definitions
from services.directory.trust.changes import Change, Kind, record

MOST = 1_000
"""Definitions of an account."""

_COLUMNS = object_definitions.c


class DefinitionStore:
    """The definitions of all accounts; all methods raise Unavailable."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def put(
        self, account: AccountId, given: Sequence[ObjectDefinition], *, now: datetime
    ) -> list[str]:
        """Add definitions, or put them in the place of those of the same version.

        Returns their ids. Raises InvalidParameter where there would be too many.
        """
        rows = [_row(account, each, now) for each in given]
        added = insert(object_definitions).values(rows)
        replaced = added.on_conflict_do_update(
            constraint="object_definitions_version",
            set_={
                name: added.excluded[name]
                for name in ("name", "multiple", "definition", "updated_at")
            },
        ).returning(_COLUMNS.id)
        with reported():
            async with self._engine.begin() as connection:
                found = await connection.scalars(replaced)
                identities = list(found.all())
                await _check_count(connection, account)
                places = [place(each) for each in given]
                await record(connection, [_change(account, each) for each in places])
        return identities

    async def remove(self, account: AccountId, identity: str) -> bool:
        """Remove a definition; say whether it was there."""
        gone = (
            delete(object_definitions)
            .where(_COLUMNS.account_id == account, _COLUMNS.id == identity)
            .returning(_COLUMNS.object_id, _COLUMNS.version)
        )
        with reported():
            async with self._engine.begin() as connection:
                row = (await connection.execute(gone)).one_or_none()
                if row is not None:
                    there = place_of(row.object_id, row.version)
                    await record(connection, [_change(account, there)])
        return row is not None


async def known(connection: AsyncConnection, account: AccountId) -> Definitions:
    """Return what is known of objects in an account, its own before everybody's."""
    query = select(_COLUMNS.definition).where(_COLUMNS.account_id == account)
    found = await connection.scalars(query)
    return CORE.including(
        configurations.parse_definition(orjson.dumps(each)) for each in found
    )


def place(definition: ObjectDefinition) -> str:
    """Return where a definition stands among those of its account."""
    return place_of(definition.id, _version(definition))


def place_of(object_id: int, version: str) -> str:
    """Return the same by what its row says."""
    return f"{object_id}/{version}"


def among(places: Sequence[tuple[str, str]]) -> Any:
    """Ask for the definitions of accounts that stand in these places."""
    keys = [
        (account, int(object_id), version)
        for account, there in places
        for object_id, _, version in [there.partition("/")]
    ]
    columns = (_COLUMNS.account_id, _COLUMNS.object_id, _COLUMNS.version)
    return select(object_definitions).where(tuple_(*columns).in_(keys))


def _row(
    account: AccountId, definition: ObjectDefinition, now: datetime
) -> dict[str, Any]:
    return {
        "account_id": account,
        "id": uuid.uuid4().hex,
        "object_id": definition.id,
        "version": _version(definition),
        "name": definition.name,
        "multiple": definition.multiple,
        "definition": orjson.loads(configurations.build_definition(definition)),
        "created_at": now,
        "updated_at": now,
    }


async def _check_count(connection: AsyncConnection, account: AccountId) -> None:
    count = select(func.count()).where(_COLUMNS.account_id == account)
    if (await connection.scalar(count) or 0) > MOST:
        raise InvalidParameter("body", f"makes more than {MOST} definitions")


def _change(account: AccountId, there: str) -> Change:
    return Change(Kind.OBJECT_DEFINITION, account, there, there)


def _version(definition: ObjectDefinition) -> str:
    return f"{definition.version.major}.{definition.version.minor}"
