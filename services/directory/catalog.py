"""What the directory knows, as callers read it: one object, or a page of them.

Both methods raise Unavailable when PostgreSQL is away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import asyncpg
from sqlalchemy import (
    BindParameter,
    ClauseElement,
    Column,
    ColumnElement,
    Executable,
    Row,
    Select,
    Table,
    bindparam,
    exists,
    func,
    literal,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from homeport.names import AccountId
from homeport.runtime.database import reported
from services.directory.accounts.account_bodies import ACCOUNT, UNCLAIMED_DEVICE
from services.directory.accounts.api_key_bodies import API_KEY
from services.directory.bootstrap.bootstrap_configuration_bodies import (
    BOOTSTRAP_CONFIGURATION,
)
from services.directory.bootstrap.bootstrap_schema import (
    bootstrap_configurations,
    object_definitions,
)
from services.directory.bootstrap.object_definition_bodies import OBJECT_DEFINITION
from services.directory.claims.enrollment_bodies import (
    DENIAL,
    DENIED_CERTIFICATE,
    DENIED_ENDPOINT,
    ENROLLMENT,
    TASK,
)
from services.directory.claims.ownership_schema import (
    DENIED,
    device_enrollments,
    enrollment_tasks,
    unclaimed_devices,
)
from services.directory.credentials.certificate_fields import TRUSTED_CERTIFICATE
from services.directory.devices.device_fields import (
    DEVICE,
    DEVICE_EVENT,
    GROUPS_OF_DEVICE,
)
from services.directory.devices.group_bodies import GROUP, QUERY
from services.directory.fields import SHARED_KEY, Field
from services.directory.queries import Query
from services.directory.renewals.renewal_bodies import (
    CERTIFICATE_ENROLLMENT,
    ISSUER_CONFIGURATION,
)
from services.directory.renewals.renewal_schema import (
    certificate_enrollments,
    certificate_issuer_configurations,
)
from services.directory.schema import (
    RECORDED,
    accounts,
    api_keys,
    device_events,
    device_groups,
    device_queries,
    device_shared_keys,
    devices,
    trusted_certificates,
)
from services.directory.statements import Statement


@dataclass(frozen=True, slots=True, eq=False)
class Collection:
    """Objects of one kind; ``age`` orders them by when they were made.

    Of those of the same age, the first by ``then`` come first. Rows that are not
    ``there`` are of no concern to callers. ``others`` are columns from other tables.
    Those ``of_platform`` are no account's own: only its operator may be shown them.
    """

    table: Table
    age: Column[Any]
    fields: Mapping[str, Field]
    there: ColumnElement[bool] = field(default_factory=true)
    others: tuple[ColumnElement[Any], ...] = ()
    then: tuple[Column[Any], ...] = ()
    of_platform: bool = False

    @property
    def order(self) -> tuple[Column[Any], ...]:
        """What they are ordered by; no two are equal in it."""
        return (self.age, *self.then, self.table.c.id)

    def of(self, account: AccountId | BindParameter[Any]) -> Select[Any]:
        """Select what an account has."""
        query = select(self.table, *self.others).where(self.there)
        if self.of_platform:
            return query
        return query.where(self.table.c.account_id == account)


DEVICES = Collection(
    devices, devices.c.created_at, DEVICE, there=RECORDED, others=(GROUPS_OF_DEVICE,)
)
DEVICE_EVENTS = Collection(
    device_events,
    device_events.c.date_time,
    DEVICE_EVENT,
    then=(device_events.c.revision,),
)
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
    device_events.c.date_time,
    DENIAL,
    then=(device_events.c.revision,),
    there=DENIED.is_not(None),
    others=(DENIED_ENDPOINT, DENIED_CERTIFICATE),
)
OBJECT_DEFINITIONS = Collection(
    object_definitions, object_definitions.c.created_at, OBJECT_DEFINITION
)
BOOTSTRAP_CONFIGURATIONS = Collection(
    bootstrap_configurations,
    bootstrap_configurations.c.created_at,
    BOOTSTRAP_CONFIGURATION,
)
ACCOUNTS = Collection(accounts, accounts.c.created_at, ACCOUNT, of_platform=True)
UNCLAIMED_DEVICES = Collection(
    unclaimed_devices,
    unclaimed_devices.c.first_seen_at,
    UNCLAIMED_DEVICE,
    there=~exists().where(
        device_enrollments.c.fingerprint == unclaimed_devices.c.fingerprint
    ),
    of_platform=True,
)
CERTIFICATE_ENROLLMENTS = Collection(
    certificate_enrollments,
    certificate_enrollments.c.created_at,
    CERTIFICATE_ENROLLMENT,
)
ISSUER_CONFIGURATIONS = Collection(
    certificate_issuer_configurations,
    certificate_issuer_configurations.c.created_at,
    ISSUER_CONFIGURATION,
)
SHARED_KEYS = Collection(
    device_shared_keys, device_shared_keys.c.created_at, SHARED_KEY
)


MOST_COUNTED = 100_000
"""Objects that are counted one by one."""

_PLAN_EACH = text("SET LOCAL plan_cache_mode = force_custom_plan")
"""What is asked for decides which index is the right one."""


class Explain(Executable, ClauseElement):
    """Asks how a statement would be executed, and so how many rows there may be."""

    inherit_cache = False

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@compiles(Explain)
def _explain(element: Explain, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.statement, **options)}"


@dataclass(frozen=True, slots=True)
class Listing:
    """A page: its rows, whether more follow, and how many there are if asked for."""

    rows: Sequence[Row[Any]]
    has_more: bool
    total_count: int | None


class Catalog:
    """Reads the collections; an account sees its own objects only.

    Single objects are read ``direct``: callers ask for these the most.
    """

    def __init__(self, engine: AsyncEngine, direct: asyncpg.Pool) -> None:
        self._engine = engine
        self._direct = direct

    async def get(
        self, collection: Collection, account: AccountId, identity: str
    ) -> Row[Any] | None:
        """Return an object by its id, if the account has it."""
        found: Row[Any] | None = await _single(collection).fetch(
            self._direct, account=account, identity=identity
        )
        return found

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
        if query.after:
            last = await self.get(collection, account, query.after)
            if last is None:
                return None
            page = page.where(_follows(last, collection, query))
        with reported():
            async with self._engine.connect() as connection:
                await connection.execute(_PLAN_EACH)
                ordered = _ordered(page, collection, query)
                rows = (await connection.execute(ordered)).all()
                total = None
                if query.total_count:
                    total = await _count(connection, whole)
        return Listing(rows[: query.limit], len(rows) > query.limit, total)


@cache
def _single(collection: Collection) -> Statement:
    """Ask for an object by its account and its id."""
    account: BindParameter[str] = bindparam("account")
    identity: BindParameter[str] = bindparam("identity")
    return Statement(collection.of(account).where(collection.table.c.id == identity))


def _follows(
    last: Row[Any], collection: Collection, query: Query
) -> ColumnElement[bool]:
    here = tuple_(*collection.order)
    there = tuple_(*(getattr(last, column.name) for column in collection.order))
    return here < there if query.descending else here > there


def _ordered(page: Select[Any], collection: Collection, query: Query) -> Select[Any]:
    """Order a page and take one row more: it tells whether there is another page."""
    columns = collection.order
    order = (each.desc() if query.descending else each.asc() for each in columns)
    return page.order_by(*order).limit(query.limit + 1)


async def _count(connection: AsyncConnection, whole: Select[Any]) -> int:
    """Count the rows of a query; above `MOST_COUNTED`, estimate how many there are."""
    rows = whole.with_only_columns(literal(1), maintain_column_froms=True)
    some = rows.limit(MOST_COUNTED + 1).subquery()
    count = await connection.scalar(select(func.count()).select_from(some)) or 0
    if count <= MOST_COUNTED:
        return count
    (explained,) = (await connection.execute(Explain(rows))).scalar_one()
    return max(count, int(explained["Plan"]["Plan Rows"]))
