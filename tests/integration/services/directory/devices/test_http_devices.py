"""Devices as callers record, change and delete them."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.events.facts import AnyFact, FactName
from homeport.names import EndpointName
from homeport.store.entries import DeviceEntry
from services.directory.handlers import project
from services.directory.store import DeviceStore
from tests.support import sessions
from tests.support.directory import (
    ACCOUNT,
    OTHER_ACCOUNT,
    Site,
    device_of,
    fact,
)

pytestmark = pytest.mark.integration

DEVICES = "/v3/devices"
ONE = f"{DEVICES}/{device_of()}"
EVENTS = "/v3/device-events"
GIVEN = {
    "endpoint_name": "urn:dev:1",
    "endpoint_type": "kettle",
    "name": "kitchen",
    "description": "left of the sink",
    "custom_attributes": {"colour": "red", "floor": "2"},
    "device_execution_mode": 5,
    "device_key": "f" * 64,
    "ca_id": "c" * 32,
    "issuer_fingerprint": "e" * 64,
    "bootstrap_expiration_date": "2036-11-24",
    "connector_expiration_date": "2027-11-24",
    "host_gateway": "g",
    "mechanism": "direct",
    "mechanism_url": "coaps://example",
    "serial_number": "s",
    "vendor_id": "v",
    "device_class": "d",
    "firmware_checksum": "x",
    "manifest": "m",
    "deployment": "p",
    "auto_update": True,
}
LATER = 10**18
"""A revision after everything that happens in a test."""


async def store(engine: AsyncEngine, *told: AnyFact) -> None:
    await project(told, stored=DeviceStore(engine))


async def create(opened: Site, status: int = 201, **given: object) -> dict[str, Any]:
    body = {"endpoint_name": "urn:dev:1"} | given
    made: dict[str, Any] = await opened.send("POST", DEVICES, body, status=status)
    return made


async def events(opened: Site) -> list[tuple[str, dict[str, Any], bool]]:
    found = await opened.get(EVENTS)
    return [
        (
            each["event_type"].removeprefix("update.device.device-"),
            each["changes"],
            each["state_change"],
        )
        for each in found["data"]
    ]


async def test_a_device_is_recorded_with_all_that_is_said_of_it(opened: Site) -> None:
    made = await create(opened, **GIVEN)
    assert {name: made[name] for name in GIVEN} == GIVEN
    assert made["id"] == device_of()
    assert made["state"] == "unenrolled"
    assert made["etag"] == made["updated_at"] == made["created_at"]
    assert await opened.get(ONE) == made
    ((code, changes, state_change),) = await events(opened)
    assert (code, state_change) == ("created", True)
    assert changes["state"] == "unenrolled"
    assert changes["custom_attributes"] == {"colour": "red", "floor": "2"}


async def test_a_device_of_which_nothing_is_said_has_an_id_of_its_own(
    opened: Site,
) -> None:
    one = await opened.send("POST", DEVICES, {}, status=201)
    other = await opened.send("POST", DEVICES, {"state": "bootstrapped"}, status=201)
    assert one["id"] != other["id"]
    assert (one["state"], other["state"]) == ("unenrolled", "bootstrapped")


async def test_numbers_and_booleans_may_come_as_text(opened: Site) -> None:
    made = await create(opened, device_execution_mode="1", auto_update="true")
    assert (made["device_execution_mode"], made["auto_update"]) == (1, True)


@pytest.mark.parametrize("recorded_by", ["caller", "device"])
async def test_a_name_is_recorded_once(
    opened: Site, engine: AsyncEngine, recorded_by: str
) -> None:
    if recorded_by == "caller":
        await create(opened)
    else:
        await store(engine, fact(FactName.DEVICE_REGISTERED))
    refused = await create(opened, status=409)
    assert refused["type"] == "duplicate"


async def test_a_developers_device_has_its_name_for_itself(
    opened: Site, engine: AsyncEngine
) -> None:
    await store(engine, fact(FactName.DEVICE_BOOTSTRAPPED, developer="f" * 64))
    await create(opened, endpoint_name=device_of(), status=409)


@pytest.mark.conforms("C-217", "R-9")
async def test_what_is_as_long_as_it_may_be_is_kept(opened: Site) -> None:
    longest = {
        "name": "n" * 128,
        "description": "d" * 2000,
        "endpoint_name": "e" * 64,
        "custom_attributes": {"k" * number: "v" * 128 for number in range(124, 129)},
    }
    made = await create(opened, **longest)
    assert {member: made[member] for member in longest} == longest


@pytest.mark.conforms("C-217", "R-9")
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", "n" * 129),
        ("name", 7),
        ("description", "d" * 2001),
        ("endpoint_name", "e" * 65),
        ("endpoint_name", "\t"),
        ("endpoint_type", "e" * 65),
        ("custom_attributes", {f"k{number}": "" for number in range(6)}),
        ("custom_attributes", {"1k": ""}),
        ("custom_attributes", {"k" * 129: ""}),
        ("custom_attributes", {"k": "v" * 129}),
        ("custom_attributes", ["k"]),
        ("device_execution_mode", 2),
        ("device_key", "f" * 513),
        ("ca_id", "c" * 501),
        ("issuer_fingerprint", "e" * 63),
        ("state", "lost"),
        ("connector_expiration_date", "tomorrow"),
        ("mechanism", "carrier pigeon"),
        ("serial_number", "s" * 65),
        ("vendor_id", "v" * 256),
        ("device_class", "d" * 33),
        ("auto_update", "perhaps"),
    ],
)
async def test_what_is_wrong_is_refused_by_name(
    opened: Site, member: str, value: object
) -> None:
    refused = await create(opened, status=400, **{member: value})
    assert refused["type"] == "validation_error"
    assert refused["fields"][0]["name"].partition(".")[0] == member


async def test_a_device_is_changed_where_something_is_said(opened: Site) -> None:
    made = await create(opened, **GIVEN)
    changed = await opened.send(
        "PUT",
        f"{ONE}/",
        {
            "name": "hall",
            "custom_attributes": {"size": "1"},
            "auto_update": False,
            "serial_number": "read-only",
            "state": "registered",
            "colour": "unknown",
        },
    )
    assert changed["updated_at"] > made["updated_at"]
    assert {name for name in changed if changed[name] != made[name]} == {
        *("name", "custom_attributes", "auto_update", "updated_at", "etag")
    }
    assert changed["custom_attributes"] == {"size": "1"}
    _, (code, changes, state_change) = await events(opened)
    assert (code, state_change) == ("updated", False)
    assert changes == {
        "name": "hall",
        "custom_attributes": {"size": "1"},
        "auto_update": False,
    }
    (told,) = (await opened.get(EVENTS, description__eq="Device record updated"))[
        "data"
    ]
    assert told["data"]["previous"]["name"] == "kitchen"


async def test_a_change_to_what_it_is_changes_nothing(opened: Site) -> None:
    made = await create(opened, name="kitchen")
    assert await opened.send("PUT", ONE, {"name": "kitchen"}) == made
    assert len(await events(opened)) == 1


async def test_what_a_caller_said_stays_whatever_the_device_does(
    opened: Site, engine: AsyncEngine
) -> None:
    await create(opened, name="kitchen", custom_attributes={"colour": "red"})
    await store(engine, fact(FactName.DEVICE_REGISTERED, endpoint_type="pot"))
    device = await opened.get(ONE)
    assert (device["state"], device["endpoint_type"]) == ("registered", "pot")
    assert (device["name"], device["custom_attributes"]) == (
        "kitchen",
        {"colour": "red"},
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("name__eq=kitchen", True),
        ("name__in=hall,kitchen", True),
        ("name__neq=kitchen", False),
        ("custom_attributes__colour=red", True),
        ("custom_attributes__colour__eq=red", True),
        ("custom_attributes__colour__neq=red", False),
        ("custom_attributes__colour__in=blue,red", True),
        ("custom_attributes__colour__nin=blue", True),
        ("custom_attributes__size__eq=1", False),
        ("custom_attributes__size__nin=1", True),
        ("filter=custom_attributes__colour%3Dred%26name%3Dkitchen", True),
        ("vendor_id__eq=v", True),
        ("auto_update__eq=true", True),
        ("auto_update__neq=true", False),
        ("mechanism__in=connector", False),
        ("bootstrap_expiration_date__lte=2036-11-24", True),
        ("connector_expiration_date__in=2027-11-24", True),
        ("filter=connector_expiration_date%3D2027-11-24", True),
        ("lifecycle_status__eq=blocked", False),
        ("operator_suspended__eq=true", False),
    ],
)
async def test_devices_are_found_by_what_was_said(
    opened: Site, query: str, *, found: bool
) -> None:
    await create(opened, **GIVEN)
    assert bool((await opened.get(f"{DEVICES}?{query}"))["data"]) is found


async def test_an_account_changes_nothing_of_another(opened: Site) -> None:
    await create(opened)
    opened.client.headers.update(await opened.allow("ak_other", OTHER_ACCOUNT))
    await opened.send("PUT", ONE, {"name": "mine"}, status=404)
    await opened.send("DELETE", ONE, status=404)


async def test_a_reader_changes_nothing(opened: Site) -> None:
    await create(opened)
    reader = await opened.allow("ak_reader", ACCOUNT, role="reader")
    opened.client.headers.update(reader)
    await opened.get(ONE)
    await create(opened, endpoint_name="urn:dev:2", status=403)
    await opened.send("PUT", ONE, {"name": "mine"}, status=403)
    await opened.send("DELETE", ONE, status=403)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_what_is_no_device_is_not_there(opened: Site, method: str) -> None:
    await opened.send(method, ONE, {}, status=404)
    await opened.send(method, f"{DEVICES}/kitchen", {}, status=400)


async def test_a_developers_device_can_be_deleted_and_others_not(
    opened: Site, engine: AsyncEngine
) -> None:
    await store(
        engine,
        fact(FactName.DEVICE_BOOTSTRAPPED, developer="f" * 64, execution_mode=1),
        fact(FactName.DEVICE_BOOTSTRAPPED, device="factory", execution_mode=5),
        fact(FactName.DEVICE_REGISTERED, device="direct"),
    )
    await opened.send("DELETE", f"{ONE}/", status=204)
    for name in ("factory", "direct"):
        path = f"{DEVICES}/{device_of(name)}"
        refused = await opened.send("DELETE", path, status=400)
        assert refused["type"] == "bad_request"
    await opened.get(f"{DEVICES}/{device_of('factory')}")
    await opened.send("GET", ONE, status=404)
    assert await opened.total() == 2
    await opened.send("DELETE", ONE, status=404)


DEVELOPERS = fact(FactName.DEVICE_BOOTSTRAPPED, 2, developer="f" * 64, execution_mode=1)


async def test_facts_from_before_do_not_bring_a_deleted_device_back(
    opened: Site, engine: AsyncEngine
) -> None:
    life = [DEVELOPERS, fact(FactName.DEVICE_REGISTERED, 3)]
    await store(engine, *life)
    await opened.send("PUT", ONE, {"name": "kitchen"})
    await opened.send("DELETE", ONE, status=204)
    await store(engine, *life)
    await store(engine, fact(FactName.DEVICE_DEREGISTERED, revision=LATER))
    await opened.send("GET", ONE, status=404)
    await store(engine, fact(FactName.DEVICE_BOOTSTRAPPING, revision=LATER + 1))
    device = await opened.get(ONE)
    assert (device["state"], device["name"]) == ("cloud_enrolling", "")
    assert device["created_at"] == device["updated_at"]


async def test_a_deleted_device_can_be_recorded_again(
    opened: Site, engine: AsyncEngine
) -> None:
    await create(opened, name="kitchen")
    await opened.send("DELETE", ONE, status=204)
    made = await create(opened)
    assert (made["id"], made["name"], made["state"]) == (device_of(), "", "unenrolled")
    await store(engine, fact(FactName.DEVICE_REGISTERED, revision=LATER))
    assert (await opened.get(ONE))["state"] == "registered"


async def test_credentials_of_a_deleted_device_are_good_no_more(
    opened: Site, engine: AsyncEngine
) -> None:
    await store(engine, DEVELOPERS)
    await opened.send("DELETE", ONE, status=204)
    (entry,) = await opened.entries.devices([device_of()])
    assert entry == DeviceEntry(
        device_of(), ACCOUNT, not_before=entry.not_before if entry else 0
    )
    assert entry.not_before > 0


async def test_a_deleted_devices_registration_has_ended(
    opened: Site, engine: AsyncEngine, redis_url: str
) -> None:
    device = sessions.Device(EndpointName("urn:dev:1"))
    await store(engine, DEVELOPERS)
    async with sessions.edge(redis_url) as edge:
        await edge.do(device.register(1))
        await opened.send("DELETE", ONE, status=204)
        told = await edge.facts_of(device.id)
        await store(engine, *told)
    assert sessions.fact_names(told) == ["device.registered", "device.deregistered"]
    await opened.send("GET", ONE, status=404)
