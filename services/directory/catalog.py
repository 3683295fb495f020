"""What the directory knows, as callers read it: one object, or a page of them.

Both methods raise Unavailable when PostgreSQL is away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Row,
    Select,
    Table,
    func,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.names import AccountId
from homeport.runtime.database import reported
from services.directory.certificate_fields import TRUSTED_CERTIFICATE
from services.directory.fields import DEVICE, DEVICE_EVENT, SHARED_KEY, Field
from services.directory.queries import Query
from services.directory.schema import (
    device_events,
    device_shared_keys,
    devices,
    trusted_certificates,
)


@dataclass(frozen=True, slots=True)
class Collection:
    """Objects of one kind; ``age`` orders them by when they were made."""

    table: Table
    age: Column[Any]
    fields: Mapping[str, Field]


DEVICES = Collection(devices, devices.c.created_at, DEVICE)
DEVICE_EVENTS = Collection(device_events, device_events.c.revision, DEVICE_EVENT)
TRUSTED_CERTIFICATES = Collection(
    trusted_certificates, trusted_certificates.c.created_at, TRUSTED_CERTIFICATE
)
SHARED_KEYS = Collection(
    device_shared_keys, device_shared_keys.c.created_at, SHARED_KEY
)


@dataclass(frozen=True, slots=True)
class Listing:
    """A page: its rows, whether more follow, and how many there are if asked for."""

    rows: Sequence[Row[Any]]
    has_more: bool
    total_count: int | None


class Catalog:
    """Reads the collections; an account sees its own objects only."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def get(
        self, collection: Collection, account: AccountId, identity: str
    ) -> Row[Any] | None:
        """Return an object by its id, if the account has it."""
        with reported():
            async with self._engine.connect() as connection:
                return await _get(connection, collection, account, identity)

    async def list(
        self, collection: Collection, account: AccountId, query: Query
    ) -> Listing | None:
        """Return a page; nothing if the object that it should follow is not there."""
        wanted = [collection.table.c.account_id == account]
        wanted += [condition.expression() for condition in query.conditions]
        page = select(collection.table).where(*wanted)
        with reported():
            async with self._engine.connect() as connection:
                if query.after:
                    last = await _get(connection, collection, account, query.after)
                    if last is None:
                        return None
                    page = page.where(_follows(last, collection, query))
                ordered = _ordered(page, collection, query)
                rows = (await connection.execute(ordered)).all()
                total = None
                if query.total_count:
                    total = await connection.scalar(
                        select(func.count())
                        .select_from(collection.table)
                        .where(*wanted)
                    )
        return Listing(rows[: query.limit], len(rows) > query.limit, total)


def _follows(
    last: Row[Any], collection: Collection, query: Query
) -> ColumnElement[bool]:
    here = tuple_(collection.age, collection.table.c.id)
    there = tuple_(getattr(last, collection.age.name), last.id)
    return here < there if query.descending else here > there


def _ordered(page: Select[Any], collection: Collection, query: Query) -> Select[Any]:
    """Order a page and take one row more: it tells whether there is another page."""
    columns = (collection.age, collection.table.c.id)
    order = (each.desc() if query.descending else each.asc() for each in columns)
    return page.order_by(*order).limit(query.limit + 1)


async def _get(
    connection: AsyncConnection,
    collection: Collection,
    account: AccountId,
    identity: str,
) -> Row[Any] | None:
    table = collection.table
    query = select(table).where(table.c.account_id == account, table.c.id == identity)
    return (await connection.execute(query)).one_or_none()
