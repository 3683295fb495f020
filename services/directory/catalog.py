"""What the directory knows, as callers read it: one object, or a page of them.

Both methods raise Unavailable when PostgreSQL is away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Row,
    Select,
    Table,
    func,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from homeport.names import AccountId
from homeport.runtime.database import reported
from services.directory.api_key_bodies import API_KEY
from services.directory.certificate_fields import TRUSTED_CERTIFICATE
from services.directory.device_fields import (
    DEVICE,
    DEVICE_EVENT,
    GROUPS_OF_DEVICE,
)
from services.directory.enrollment_bodies import (
    DENIAL,
    DENIED_CERTIFICATE,
    DENIED_ENDPOINT,
    ENROLLMENT,
    TASK,
)
from services.directory.fields import SHARED_KEY, Field
from services.directory.group_bodies import GROUP, QUERY
from services.directory.ownership_schema import (
    DENIED,
    device_enrollments,
    enrollment_tasks,
)
from services.directory.queries import Query
from services.directory.schema import (
    RECORDED,
    api_keys,
    device_events,
    device_groups,
    device_queries,
    device_shared_keys,
    devices,
    trusted_certificates,
)


@dataclass(frozen=True, slots=True)
class Collection:
    """Objects of one kind; ``age`` orders them by when they were made.

    Rows that are not ``there`` are of no concern to callers. ``others`` are columns
    from other tables.
    """

    table: Table
    age: Column[Any]
    fields: Mapping[str, Field]
    there: ColumnElement[bool] = field(default_factory=true)
    others: tuple[ColumnElement[Any], ...] = ()

    def of(self, account: AccountId) -> Select[Any]:
        """Select what an account has."""
        mine = self.table.c.account_id == account
        return select(self.table, *self.others).where(mine, self.there)


DEVICES = Collection(
    devices, devices.c.created_at, DEVICE, there=RECORDED, others=(GROUPS_OF_DEVICE,)
)
DEVICE_EVENTS = Collection(device_events, device_events.c.revision, DEVICE_EVENT)
TRUSTED_CERTIFICATES = Collection(
    trusted_certificates, trusted_certificates.c.created_at, TRUSTED_CERTIFICATE
)
GROUPS = Collection(device_groups, device_groups.c.created_at, GROUP)
QUERIES = Collection(device_queries, device_queries.c.created_at, QUERY)
API_KEYS = Collection(api_keys, api_keys.c.created_at, API_KEY)
ENROLLMENTS = Collection(
    device_enrollments,
    device_enrollments.c.created_at,
    ENROLLMENT,
    there=device_enrollments.c.claimed_at.is_not(None)
    | (device_enrollments.c.expires_at > func.now()),
)
ENROLLMENT_TASKS = Collection(enrollment_tasks, enrollment_tasks.c.created_at, TASK)
DENIALS = Collection(
    device_events,
    device_events.c.revision,
    DENIAL,
    there=DENIED.is_not(None),
    others=(DENIED_ENDPOINT, DENIED_CERTIFICATE),
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
        self,
        collection: Collection,
        account: AccountId,
        query: Query,
        *,
        among: ColumnElement[bool] | None = None,
    ) -> Listing | None:
        """Return a page; nothing if the object that it should follow is not there.

        ``among`` is what else is true of the objects.
        """
        wanted = [condition.expression() for condition in query.conditions]
        wanted += [] if among is None else [among]
        page = whole = collection.of(account).where(*wanted)
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
                        select(func.count()).select_from(whole.subquery())
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
    query = collection.of(account).where(collection.table.c.id == identity)
    found: Row[Any] | None = (await connection.execute(query)).one_or_none()
    return found
