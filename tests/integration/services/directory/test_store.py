"""Facts become devices and device events, whoever stores them, however often."""

import asyncio
import random
from collections.abc import Sequence

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.errors import Unavailable
from homeport.events.facts import AnyFact, FactName
from homeport.names import PLATFORM_ACCOUNT
from homeport.runtime import database
from services.directory.handlers import project
from services.directory.schema import MIGRATIONS, SCHEMA, device_events, devices
from services.directory.store import DeviceStore
from tests.support.directory import OTHER_ACCOUNT, device_of, fact
from tests.support.line import line

pytestmark = pytest.mark.integration

LIFE = [
    fact(FactName.DEVICE_BOOTSTRAPPING, 1),
    fact(FactName.DEVICE_BOOTSTRAPPED, 2),
    fact(FactName.DEVICE_REGISTERED, 3),
    fact(FactName.REGISTRATION_UPDATED, 4),
    fact(FactName.DEVICE_DEREGISTERED, 5),
    fact(FactName.DEVICE_REGISTERED, 6, endpoint_type="pot"),
    fact(FactName.QUEUE_CLEARED, 7),
    fact(FactName.REGISTRATION_EXPIRED, 8),
]


async def store(engine: AsyncEngine, *told: AnyFact) -> None:
    await project(told, stored=DeviceStore(engine))


async def rows(engine: AsyncEngine) -> Sequence[dict[str, object]]:
    """Read all devices."""
    async with engine.connect() as connection:
        found = await connection.execute(select(devices).order_by(devices.c.id))
        return [dict(row) for row in found.mappings()]


async def codes(engine: AsyncEngine) -> list[tuple[str, bool]]:
    """Read what is remembered, oldest first: what happened, and whether it matters."""
    async with engine.connect() as connection:
        found = await connection.execute(
            select(device_events).order_by(device_events.c.revision)
        )
        return [
            (row.event_type.removeprefix("update.device.device-"), row.state_change)
            for row in found
        ]


async def test_a_life_becomes_one_device_and_what_happened(engine: AsyncEngine) -> None:
    await store(engine, *LIFE)
    (device,) = await rows(engine)
    assert device["state"] == "deregistered"
    assert device["endpoint_type"] == "pot"
    assert device["bootstrapped_timestamp"] == LIFE[1].time
    assert device["created_at"] == LIFE[0].time
    assert device["updated_at"] == LIFE[7].time
    assert await codes(engine) == [
        ("created", False),
        ("bootstrapping", True),
        ("bootstrapped", True),
        ("registered", True),
        ("registration-updated", False),
        ("deregistered", True),
        ("registered", True),
        ("queue-cleared", False),
        ("registration-expired", True),
    ]


async def test_facts_one_by_one_and_at_once_are_the_same(engine: AsyncEngine) -> None:
    for each in LIFE:
        await store(engine, each)
    one_by_one = await rows(engine), await codes(engine)
    await store(engine, *LIFE)
    assert (await rows(engine), await codes(engine)) == one_by_one


async def test_a_replay_in_any_order_changes_nothing(engine: AsyncEngine) -> None:
    await store(engine, *LIFE)
    before = await rows(engine), await codes(engine)
    shuffled = [*LIFE, *LIFE]
    random.Random(7).shuffle(shuffled)
    for each in shuffled:
        await store(engine, each)
    assert (await rows(engine), await codes(engine)) == before


async def test_facts_that_come_late_make_the_same_device(engine: AsyncEngine) -> None:
    await store(engine, *LIFE)
    (in_order,) = await rows(engine)
    late = [
        fact(each.name, each.revision, account=OTHER_ACCOUNT, endpoint_type=kind)
        for each in LIFE
        for kind in [getattr(each, "endpoint_type", "")]
    ]
    for each in reversed(late):
        await store(engine, each)
    (late_device,) = [
        row for row in await rows(engine) if row["account_id"] == OTHER_ACCOUNT
    ]
    identity = {"account_id": OTHER_ACCOUNT, "id": device_of(account=OTHER_ACCOUNT)}
    assert late_device == {**in_order, **identity}


async def test_a_mere_refresh_is_neither_row_nor_event(engine: AsyncEngine) -> None:
    await store(engine, fact(FactName.REGISTRATION_UPDATED, changes=[]))
    assert await rows(engine) == []
    assert await codes(engine) == []


async def test_what_nobody_owns_is_remembered_only(engine: AsyncEngine) -> None:
    await store(
        engine,
        fact(FactName.REGISTRATION_REFUSED, 1, account=PLATFORM_ACCOUNT),
        fact(FactName.BOOTSTRAP_FAILED, 2, account=PLATFORM_ACCOUNT),
    )
    assert await rows(engine) == []
    assert [code for code, _ in await codes(engine)] == [
        "registration-refused",
        "bootstrap-failed",
    ]


async def test_text_that_postgresql_refuses_holds_nobody_up(
    engine: AsyncEngine,
) -> None:
    await store(
        engine,
        fact(
            FactName.REGISTRATION_UPDATED,
            endpoint_type="a\0" * 100,
            binding="\0",
            lifetime=2**63 - 1,
            resources=[{"path": "/3/\0"}],
            changes=["endpoint_type", "binding", "lifetime", "resources"],
        ),
    )
    (device,) = await rows(engine)
    assert device["endpoint_type"] == "a\ufffd" * 32


async def test_replicas_that_store_the_same_devices_do_not_disturb_each_other(
    engine: AsyncEngine,
) -> None:
    fleet = [
        fact(kind, number, device=f"urn:dev:{device}")
        for number, kind in enumerate(
            [FactName.DEVICE_REGISTERED, FactName.DEVICE_DEREGISTERED] * 2, 1
        )
        for device in range(50)
    ]
    batches = [list(fleet) for _ in range(4)]
    for seed, batch in enumerate(batches):
        random.Random(seed).shuffle(batch)
    await asyncio.gather(*(store(engine, *batch) for batch in batches))
    assert {row["state"] for row in await rows(engine)} == {"deregistered"}
    assert len(await rows(engine)) == 50
    assert len(await codes(engine)) == 250


async def test_while_postgresql_is_away_a_batch_is_stored_whole_or_not_at_all(
    engine: AsyncEngine, postgres_url: str
) -> None:
    async with (
        line(postgres_url) as (way, url),
        database.connections(url, schema=SCHEMA, migrations=MIGRATIONS) as far,
    ):
        way.cut()
        with pytest.raises(Unavailable):
            await store(far, *LIFE)
        assert await rows(engine) == []
        way.mend()
        await store(far, *LIFE)
    assert len(await rows(engine)) == 1
    assert len(await codes(engine)) == len(LIFE) + 1
