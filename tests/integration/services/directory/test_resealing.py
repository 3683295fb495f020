"""All that PostgreSQL keeps sealed is sealed anew, and needs no older secret then."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import LargeBinary, Row, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.identity import Service
from homeport.keyring import Keyring, Resealed
from homeport.names import EndpointName
from homeport.runtime import sealed_rows
from services.directory.bootstrap import bootstrap_configurations
from services.directory.bootstrap.bootstrap_schema import (
    bootstrap_configurations as configured,
)
from services.directory.credentials import authority_store, shared_keys
from services.directory.credentials.shared_keys import SharedKeyStore
from services.directory.credentials.trusted import CertificateStore
from services.directory.resealing import SEALED, reseal
from services.directory.schema import device_shared_keys, metadata, trust_changes
from tests.support.directory import ACCOUNT, Site
from tests.support.keyring import SECRET_KEY

pytestmark = pytest.mark.integration

OLD, NEW = bytes.fromhex(SECRET_KEY), b"n" * 32
BEFORE, ROTATED, AFTER = Keyring([OLD]), Keyring([NEW, OLD]), Keyring([NEW])
SECRET = b"k" * 16
KEY = {"endpoint_name": "urn:dev:os:kettle", "secret_hex": SECRET.hex()}


@pytest_asyncio.fixture(loop_scope="session")
async def opened(opened: Site) -> AsyncIterator[Site]:
    async with opened.running():
        yield opened


async def register(engine: AsyncEngine, *names: str, keyring: Keyring = BEFORE) -> None:
    store = SharedKeyStore(engine, keyring)
    for name in names:
        await store.add(ACCOUNT, EndpointName(name), b"key", service=Service.LWM2M)


async def rows(engine: AsyncEngine) -> list[Row[tuple[object, ...]]]:
    """Return all shared keys."""
    async with engine.connect() as connection:
        query = select(device_shared_keys)
        return list((await connection.execute(query)).all())


def test_no_column_that_may_be_sealed_is_forgotten() -> None:
    binary = {
        column
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    assert {sealed.column for sealed in SEALED} == binary


async def test_everything_is_opened_by_the_newest_secret_alone(
    opened: Site, engine: AsyncEngine
) -> None:
    made = await opened.send(
        "POST", "/v3/developer-certificates", {"name": "mine"}, status=201
    )
    await opened.send("POST", "/v2/device-shared-keys", KEY, status=201)
    body = {"name": "all", "description": ""}
    await opened.send("POST", "/v3/bootstrap-configurations", body, status=201)
    async with engine.connect() as connection:
        before = await authority_store.read(connection, BEFORE)

    assert await reseal(engine, ROTATED) == Resealed(found=7, anew=7)

    async with engine.connect() as connection:
        assert await authority_store.read(connection, AFTER) == before
        (written,) = (await connection.execute(select(configured))).all()
    assert bootstrap_configurations.open_content(written, AFTER)
    developer = await CertificateStore(engine, AFTER).developer(ACCOUNT, made["id"])
    assert developer is not None
    (key,) = await rows(engine)
    assert shared_keys.open_secret(key, AFTER) == SECRET


async def test_repeating_it_finds_nothing_to_do(engine: AsyncEngine) -> None:
    await register(engine, "kettle", "lamp")
    assert await reseal(engine, ROTATED) == Resealed(found=2, anew=2)
    assert await reseal(engine, ROTATED) == Resealed(found=2, anew=0)
    assert await reseal(engine, AFTER) == Resealed(found=2, anew=0)


async def test_it_goes_on_batch_by_batch(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealed_rows, "BATCH", 2)
    await register(engine, *"abcd")
    await register(engine, "e", keyring=ROTATED)
    assert await reseal(engine, ROTATED) == Resealed(found=5, anew=4)
    assert {shared_keys.open_secret(row, AFTER) for row in await rows(engine)} == {
        b"key"
    }


async def test_two_at_the_same_time_do_it_once(engine: AsyncEngine) -> None:
    await register(engine, *"abcd")
    done = await asyncio.gather(*(reseal(engine, ROTATED) for _ in range(2)))
    assert sum(each.anew for each in done) == 4


async def test_what_no_secret_opens_stays_and_is_counted(engine: AsyncEngine) -> None:
    await register(engine, "kettle", "lamp")
    lost = (
        update(device_shared_keys)
        .where(device_shared_keys.c.endpoint_name == "kettle")
        .values(secret=b"lost")
    )
    async with engine.begin() as connection:
        await connection.execute(lost)
    assert await reseal(engine, ROTATED) == Resealed(found=2, anew=1, unopened=1)
    kettle, lamp = sorted(await rows(engine), key=lambda row: row.endpoint_name)
    assert kettle.secret == b"lost"
    assert shared_keys.open_secret(lamp, AFTER) == b"key"


async def test_nobody_is_told_of_it(engine: AsyncEngine) -> None:
    await register(engine, "kettle")
    async with engine.connect() as connection:
        before = (await connection.execute(select(trust_changes))).all()
    await reseal(engine, ROTATED)
    async with engine.connect() as connection:
        assert (await connection.execute(select(trust_changes))).all() == before
