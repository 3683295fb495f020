"""Devices for a directory under measurement, made by the database itself."""

import hashlib
import time

import asyncpg

from bench.processes import ACCOUNT

DEVICES = 1_000_000
FILL_STEP = 100_000

_FILL = """\
INSERT INTO directory.devices (
    account_id, id, endpoint_name, endpoint_type, state, created_at, updated_at,
    bootstrapped_timestamp, bootstrap_expiration_date, connector_expiration_date,
    device_execution_mode, device_key, ca_id, developer, credentials_not_before,
    bootstrapping_revision, bootstrapped_revision, registered_revision,
    deregistered_revision, initial_state, recorded, deleted_revision, fingerprint,
    serial_number, name, custom_attributes, operator_suspended)
SELECT $1, md5('bench-' || n), 'bench-' || n, 'kettle-' || n % 50,
    CASE WHEN n % 1000 = 0 THEN 'deregistered' ELSE 'registered' END,
    born, born, born, '2035-01-01', '2026-01-01'::date + n / 1000,
    CASE WHEN n % 5000 = 0 THEN 1 ELSE 5 END, md5('key-' || n) || md5('of-' || n),
    'ca-' || n % 3, '', 0, 1, 2, 3, CASE WHEN n % 1000 = 0 THEN 4 ELSE 0 END,
    'unenrolled', true, 0, md5('one-' || n) || md5('two-' || n),
    CASE WHEN n % 10 = 0 THEN n::text ELSE '' END,
    CASE WHEN n % 5000 = 7 THEN 'hall' ELSE '' END,
    CASE WHEN n % 100 = 0 THEN '{"site": "hall"}' ELSE '{}' END::jsonb,
    n % 2000 = 0
FROM generate_series($2::int, $3::int) AS n,
    LATERAL (SELECT '2026-01-01Z'::timestamptz + n * interval '1 s' AS born) AS ages
"""


async def fill(url: str) -> None:
    """Fill the tables of a directory, and print how long it took."""
    begun = time.monotonic()
    postgres = await asyncpg.connect(url)
    for first in range(1, DEVICES + 1, FILL_STEP):
        await postgres.execute(_FILL, ACCOUNT, first, first + FILL_STEP - 1)
    await postgres.execute("VACUUM ANALYZE directory.devices")
    size = await postgres.fetchval("SELECT pg_total_relation_size('directory.devices')")
    await postgres.close()
    spent = time.monotonic() - begun
    print(f"{DEVICES:,} devices: filled in {spent:.0f} s, {size / 2**30:.2f} GiB")


def identity(number: int) -> str:
    """Return the id of a device."""
    name = f"bench-{number}".encode()
    return hashlib.md5(name, usedforsecurity=False).hexdigest()
