"""Devices that are kept out for a while."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.events.facts import AnyFact, FactName
from homeport.names import EndpointName
from homeport.store import entries
from homeport.store.entries import DeviceEntry
from homeport.store.operations import Dismiss, Result
from homeport.store.trust_changes import News
from services.directory.handlers import project
from services.directory.store import DeviceStore
from tests.support import sessions
from tests.support.directory import (
    ACCOUNT,
    KEY,
    OTHER_ACCOUNT,
    Site,
    device_of,
    fact,
)
from tests.support.polling import until

pytestmark = pytest.mark.integration

ONE = f"/v3/devices/{device_of()}"
CATEGORIES = "/v3/device-block-categories"
EVENTS = "/v3/device-events"
DEVICE = sessions.Device(EndpointName("urn:dev:1"))
WHY = {"category": "maintenance", "description": "a new seal"}


@pytest_asyncio.fixture(loop_scope="session")
async def edge(redis_url: str) -> AsyncIterator[sessions.Edge]:
    async with sessions.edge(redis_url) as made:
        yield made


async def store(engine: AsyncEngine, *told: AnyFact) -> None:
    await project(told, stored=DeviceStore(engine))


async def suspend(opened: Site, status: int = 204, **changed: object) -> Any:
    return await opened.send("POST", f"{ONE}/suspend", WHY | changed, status=status)


async def resume(opened: Site, status: int = 204, **changed: object) -> Any:
    return await opened.send("POST", f"{ONE}/resume/", WHY | changed, status=status)


async def entry(opened: Site) -> DeviceEntry | None:
    (found,) = await opened.entries.devices([device_of()])
    return found


async def test_a_suspended_device_shows_why(opened: Site, engine: AsyncEngine) -> None:
    await store(engine, fact(FactName.DEVICE_BOOTSTRAPPED))
    await suspend(opened)
    device = await opened.get(ONE)
    assert device["operator_suspended"] is True
    assert device["lifecycle_status"] == "blocked"
    assert device["last_operator_suspended_category"] == "maintenance"
    assert device["last_operator_suspended_description"] == "a new seal"
    assert device["last_operator_suspended_updated_at"] == device["updated_at"]
    for query in (
        "operator_suspended__eq=true",
        "lifecycle_status__eq=blocked",
        "last_operator_suspended_category__in=maintenance",
        "last_operator_suspended_updated_at__gte=20200101T000000Z",
    ):
        assert (await opened.get(f"/v3/devices?{query}"))["data"] == [device]


async def test_its_registration_ends_with_an_event_each(
    opened: Site, engine: AsyncEngine, edge: sessions.Edge
) -> None:
    await edge.do(DEVICE.register(1))
    await store(engine, *await edge.facts())
    await suspend(opened)
    told = await edge.facts()
    await store(engine, *told)
    assert sessions.fact_names(told) == ["device.registered", "device.deregistered"]
    assert (await opened.get(ONE))["state"] == "deregistered"
    shown = {
        each["event_type"].removeprefix("update.device.device-"): each
        for each in (await opened.get(EVENTS))["data"]
    }
    assert set(shown) == {"created", "registered", "suspended", "deregistered"}
    assert shown["deregistered"]["state_change"] is True
    assert shown["suspended"]["state_change"] is False
    assert shown["suspended"]["changes"]["lifecycle_status"] == "blocked"
    assert shown["suspended"]["data"]["previous"]["operator_suspended"] is False


async def test_it_is_refused_until_it_is_resumed(
    opened: Site, engine: AsyncEngine, edge: sessions.Edge
) -> None:
    await store(engine, fact(FactName.DEVICE_BOOTSTRAPPED))
    await suspend(opened)
    found = await entry(opened)
    assert found is not None
    assert found.suspended
    (outcome,) = await edge.do(DEVICE.register(1))
    assert outcome.result is Result.SUSPENDED
    await resume(opened)
    found = await entry(opened)
    assert found is not None
    assert not found.suspended
    (outcome,) = await edge.do(DEVICE.register(2))
    assert outcome.result is Result.REGISTERED
    device = await opened.get(ONE)
    assert (device["operator_suspended"], device["lifecycle_status"]) == (
        False,
        "enabled",
    )


async def test_what_a_backup_says_of_it_does_not_count(
    opened: Site, engine: AsyncEngine, edge: sessions.Edge
) -> None:
    other = sessions.Device(EndpointName("urn:dev:2"))
    await store(engine, fact(FactName.DEVICE_BOOTSTRAPPED))
    await suspend(opened)
    await edge.do(Dismiss(other.bucket, other.id, "suspended"))
    async with opened.running():

        async def comes() -> bool:
            (outcome,) = await edge.do(other.register(1))
            return outcome.result is Result.REGISTERED

        await until(comes)
        (outcome,) = await edge.do(DEVICE.register(1))
        assert outcome.result is Result.SUSPENDED


async def test_edges_hear_of_it_within_a_second(
    opened: Site, engine: AsyncEngine
) -> None:
    await store(engine, fact(FactName.DEVICE_BOOTSTRAPPED))
    async with opened.listening() as heard:
        async with asyncio.timeout(1):
            await suspend(opened)
            news: News = await anext(heard)
    assert news.names == {entries.device_name(device_of())}


async def test_a_device_that_has_never_come_can_be_suspended(opened: Site) -> None:
    await opened.send("POST", "/v3/devices", {"endpoint_name": "urn:dev:1"}, status=201)
    await suspend(opened)
    assert await entry(opened) == DeviceEntry(device_of(), ACCOUNT, suspended=True)
    await resume(opened)
    assert await entry(opened) is None


async def test_suspending_again_changes_the_reason(
    opened: Site, engine: AsyncEngine
) -> None:
    await store(engine, fact(FactName.DEVICE_BOOTSTRAPPED))
    await suspend(opened)
    before = await opened.get(ONE)
    await suspend(opened, category="lost_or_stolen", description="")
    after = await opened.get(ONE)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {
        *("updated_at", "etag", "last_operator_suspended_category"),
        *("last_operator_suspended_description", "last_operator_suspended_updated_at"),
    }
    await resume(opened, status=400)
    await resume(opened, category="lost_or_stolen")


async def test_what_is_not_suspended_cannot_be_resumed(
    opened: Site, engine: AsyncEngine
) -> None:
    await store(engine, fact(FactName.DEVICE_BOOTSTRAPPED))
    refused = await resume(opened, status=400)
    assert refused["fields"][0]["name"] == "device"


@pytest.mark.parametrize("category", ["", "unknown", 7, None])
async def test_a_category_has_to_be_known(
    opened: Site, engine: AsyncEngine, category: object
) -> None:
    await store(engine, fact(FactName.DEVICE_BOOTSTRAPPED))
    refused = await suspend(opened, status=400, category=category)
    assert refused["fields"][0]["name"] == "category"
    assert (await opened.get(ONE))["operator_suspended"] is False


async def test_only_who_may_can_suspend(opened: Site, engine: AsyncEngine) -> None:
    await suspend(opened, status=404)
    await store(engine, fact(FactName.DEVICE_BOOTSTRAPPED))
    for account, role, status in (
        (OTHER_ACCOUNT, "administrator", 404),
        (ACCOUNT, "reader", 403),
        (ACCOUNT, "operator", 204),
    ):
        headers = await opened.allow("ak_else", account, role=role)
        opened.client.headers.update(headers)
        await suspend(opened, status=status)


async def test_a_suspension_outlives_the_loss_of_the_store(
    opened: Site, engine: AsyncEngine
) -> None:
    await store(engine, fact(FactName.DEVICE_BOOTSTRAPPED))
    await suspend(opened)

    async def refused() -> bool:
        found = await entry(opened)
        return found is not None and found.suspended

    async with opened.running(), Redis.from_url(opened.settings.redis_url) as redis:
        await redis.flushall()
        await until(refused)
        await opened.allow(KEY, ACCOUNT)
        messages = itertools.count(1)
        async with sessions.edge(opened.settings.redis_url) as edge:

            async def kept_out() -> bool:
                (outcome,) = await edge.do(DEVICE.register(next(messages)))
                return outcome.result is Result.SUSPENDED

            await until(kept_out)


async def test_the_categories_are_listed(opened: Site) -> None:
    body = await opened.get(f"{CATEGORIES}/?limit=2&after=x")
    assert [each["reference"] for each in body["data"]] == [
        "maintenance",
        "lost_or_stolen",
    ]
    (one, _) = body["data"]
    assert await opened.get(f"{CATEGORIES}/maintenance") == one
    assert one["object"] == "device-block-category"
    await opened.send("GET", f"{CATEGORIES}/unknown", status=404)
