"""Devices of developers that began a bootstrap and never ended it are forgotten."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.events.facts import AnyFact, FactName
from homeport.keyring import Keyring
from homeport.store import connection
from homeport.store.entries import DeviceEntry
from homeport.store.trust_writer import TrustWriter
from services.directory.devices.inventory import UNFINISHED_LIFE, Inventory
from services.directory.handlers import project
from services.directory.store import DeviceStore
from services.directory.trust.projection import projecting
from tests.support.directory import ACCOUNT, Site, device_of, fact
from tests.support.keyring import SECRET_KEY

pytestmark = pytest.mark.integration

DEVELOPERS = device_of("developer's")
BEGUN = fact(
    FactName.DEVICE_BOOTSTRAPPING, device="developer's", endpoint_name=DEVELOPERS
)
ENDED = fact(
    FactName.DEVICE_BOOTSTRAPPED,
    2,
    device="developer's",
    endpoint_name=DEVELOPERS,
    developer="f" * 64,
)
PRODUCTION = fact(FactName.DEVICE_BOOTSTRAPPING)
SOON = BEGUN.time + UNFINISHED_LIFE - timedelta(seconds=1)
LATER = BEGUN.time + UNFINISHED_LIFE


async def store(engine: AsyncEngine, *told: AnyFact) -> None:
    await project(told, stored=DeviceStore(engine))


async def test_an_unfinished_device_is_removed_after_an_hour(
    opened: Site, engine: AsyncEngine
) -> None:
    inventory = Inventory(engine)
    await store(engine, BEGUN)
    assert await inventory.forget_unfinished(now=SOON) == 0
    assert await opened.total() == 1
    assert await inventory.forget_unfinished(now=LATER) == 1
    assert await opened.total() == 0
    events = (await opened.get("/v3/device-events"))["data"]
    assert events[-1]["event_type"] == "update.device.device-deleted"
    assert events[-1]["device_id"] == DEVELOPERS


@pytest.mark.parametrize(
    "told", [[BEGUN, ENDED], [PRODUCTION]], ids=["finished", "of production"]
)
async def test_another_device_stays(
    opened: Site, engine: AsyncEngine, told: list[AnyFact]
) -> None:
    await store(engine, *told)
    assert await Inventory(engine).forget_unfinished(now=LATER) == 0
    assert await opened.total() == 1


async def test_what_edges_knew_of_it_goes_too(
    opened: Site, engine: AsyncEngine
) -> None:
    redis = await connection.connect(opened.settings.redis_url)
    keyring = Keyring.parse(SECRET_KEY)
    await TrustWriter(redis, keyring).put([DeviceEntry(DEVELOPERS, ACCOUNT)])
    await store(engine, BEGUN)
    await Inventory(engine).forget_unfinished(now=LATER)
    await projecting(engine, redis, keyring, buckets=8).settle()
    assert await opened.entries.devices([DEVELOPERS]) == [None]
    await redis.aclose()


async def test_one_that_ends_it_later_is_a_device_again(
    opened: Site, engine: AsyncEngine
) -> None:
    await store(engine, BEGUN)
    await Inventory(engine).forget_unfinished(now=LATER)
    await store(engine, ENDED)
    assert (await opened.get(f"/v3/devices/{DEVELOPERS}"))["state"] == "bootstrapped"
