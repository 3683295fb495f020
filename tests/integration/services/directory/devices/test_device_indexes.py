"""Whatever callers may ask for, it is found by an index."""

from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.directory import catalog, queries
from services.directory.catalog import DEVICE_EVENTS, DEVICES, Collection, Explain
from services.directory.devices import device_indexes
from services.directory.fields import ATTRIBUTES, Field
from services.directory.schema import metadata
from tests.support.directory import ACCOUNT, OTHER_ACCOUNT

pytestmark = pytest.mark.integration

COUNT = 10_000
"""Devices of each account; reading them all costs more than any index."""

UNINDEXED = {"updated_at", "etag"}
"""Every fact changes them, so an index of them would cost more than it gives."""

UNINDEXED_OF_EVENTS = {"description"}
"""Which is another text for whatever has happened: its type tells as much."""

FILL = """\
INSERT INTO directory.devices (
    account_id, id, endpoint_name, endpoint_type, state, created_at, updated_at,
    bootstrapped_timestamp, bootstrap_expiration_date, connector_expiration_date,
    enrolment_list_timestamp, last_operator_suspended_updated_at,
    device_execution_mode, device_key, ca_id, issuer_fingerprint, developer,
    credentials_not_before, bootstrapping_revision, bootstrapped_revision,
    registered_revision, deregistered_revision, initial_state, recorded,
    deleted_revision, fingerprint, name, description, custom_attributes, host_gateway,
    mechanism, mechanism_url, serial_number, vendor_id, device_class,
    firmware_checksum, manifest, deployment, auto_update, operator_suspended,
    last_operator_suspended_category)
SELECT :account, md5(:account || n), 'dev-' || n, 'kettle-' || n % 100,
    CASE WHEN n % 100 = 0 THEN 'deregistered' ELSE 'registered' END,
    born, born, born, born, born, born, born, n % 2, md5(n::text), 'ca-' || n % 100,
    md5((n % 100)::text), '', 0, 0, 0, 0, 0, '', true, 0, n::text, 'hall-' || n % 100,
    'about ' || n, jsonb_build_object('site', n % 100 || ''), 'host-' || n % 100,
    CASE WHEN n % 100 = 0 THEN 'direct' ELSE 'connector' END, 'coaps://' || n, n::text,
    'vendor-' || n % 100, 'class-' || n % 100, 'sum-' || n, 'm-' || n, 'd-' || n,
    n % 100 = 0, n % 100 = 0, CASE WHEN n % 100 = 0 THEN 'maintenance' ELSE '' END
FROM generate_series(1, :count) AS n,
    LATERAL (SELECT '2026-01-01Z'::timestamptz + n * interval '1 min' AS born) AS ages
"""
FILL_EVENTS = """\
INSERT INTO directory.device_events
SELECT :account, md5(:account || n), md5((n % 100)::text), n,
    '2026-11-01Z'::timestamptz + n * interval '1 min', 'update.' || n % 100, 'what',
    n % 2 = 0, '{}', '{}'
FROM generate_series(1, :count) AS n
"""
ASKED = {
    "state": "deregistered",
    "lifecycle_status": "blocked",
    "mechanism": "direct",
    "auto_update": "true",
    "operator_suspended": "true",
    "system_suspended": "true",
    "device_execution_mode": "1",
    "last_operator_suspended_category": "maintenance",
    "state_change": "true",
}
"""What is asked for that some have; of everything else, what nobody has."""


async def fill(connection: AsyncConnection, statement: str, table: str) -> None:
    for account in (ACCOUNT, OTHER_ACCOUNT):
        values = {"account": account, "count": COUNT}
        await connection.execute(text(statement), values)
    await connection.execute(text(f"ANALYZE directory.{table}"))


def questions(fields: dict[str, Field]) -> Iterable[str]:
    """Ask for each member by each operator that finds a few."""
    for name, field in fields.items():
        for operator in sorted(field.operators & {"eq", "in", "gte"}):
            if field.kind.schema.get("format"):
                value = "2026-12-24T00:00:00Z"
            else:
                value = ASKED.get(name, "1" * 32)
            yield f"{name}__{operator}={value}"
    if ATTRIBUTES in fields:
        yield f"{ATTRIBUTES}__site=7"
        yield f"{ATTRIBUTES}__site__in=7,8"


async def plan(
    connection: AsyncConnection, collection: Collection, question: str
) -> list[Any]:
    query = queries.parse(question, collection.fields)
    wanted = [condition.expression() for condition in query.conditions]
    page = catalog._ordered(collection.of(ACCOUNT).where(*wanted), collection, query)
    found: list[Any] = (await connection.execute(Explain(page))).scalar_one()
    return found


def reads_all(plan: Any, tables: set[str]) -> bool:
    """Say whether a plan reads all rows of a table; an empty partition has none."""
    match plan:
        case {"Node Type": "Seq Scan", "Relation Name": str(name)} if name in tables:
            return True
        case dict():
            return any(reads_all(each, tables) for each in plan.values())
        case list():
            return any(reads_all(each, tables) for each in plan)
        case _:
            return False


@pytest.mark.parametrize(
    ("collection", "statement", "without"),
    [
        (DEVICES, FILL, UNINDEXED),
        (DEVICE_EVENTS, FILL_EVENTS, UNINDEXED_OF_EVENTS),
    ],
    ids=["devices", "events"],
)
async def test_no_filter_and_no_order_reads_all_rows(
    engine: AsyncEngine, collection: Collection, statement: str, without: set[str]
) -> None:
    table = collection.table.name
    asked = [
        *questions(dict(collection.fields)),
        *("order=ASC", "order=DESC", "id__neq=x&order=DESC"),
    ]
    asked = [each for each in asked if each.partition("__")[0] not in without]
    async with engine.connect() as connection:
        await fill(connection, statement, table)
        plans = {each: await plan(connection, collection, each) for each in asked}
    slow = [
        each for each in asked if reads_all(plans[each], {table, f"{table}_others"})
    ]
    assert not slow, plans[slow[0]]


async def test_the_tables_have_the_indexes_that_the_schema_says(
    engine: AsyncEngine,
) -> None:
    assert {index.table for index in device_indexes.BY_KIND} == {DEVICES.table}
    said = {
        str(index.name) for table in metadata.sorted_tables for index in table.indexes
    }
    query = """\
        SELECT relname FROM pg_class JOIN pg_index ON pg_class.oid = indexrelid
        WHERE relnamespace = 'directory'::regnamespace AND NOT relispartition
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = pg_class.oid)
        """
    async with engine.connect() as connection:
        there = set(await connection.scalars(text(query)))
    assert there == said
