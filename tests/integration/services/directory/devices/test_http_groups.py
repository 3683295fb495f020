"""Groups of devices."""

import asyncio
from typing import Any

import pytest

from tests.support.directory import ACCOUNT, OTHER_ACCOUNT, Site, device_of

pytestmark = pytest.mark.integration

GROUPS = "/v3/device-groups"
NOBODY = "0" * 32


async def create(opened: Site, name: str = "kettles", **given: object) -> str:
    made = await opened.send("POST", GROUPS, {"name": name, **given}, status=201)
    return f"{GROUPS}/{made['id']}"


async def record(opened: Site, *names: str) -> None:
    for name in names:
        body = {"endpoint_name": name, "name": name}
        await opened.send("POST", "/v3/devices", body, status=201)


async def move(
    opened: Site, group: str, way: str, name: str, status: int = 204
) -> None:
    body = {"device_id": device_of(name)}
    await opened.send("POST", f"{group}/devices/{way}/", body, status=status)


async def members(opened: Site, group: str, query: str = "") -> list[str]:
    found = await opened.get(f"{group}/devices?{query}")
    return [device["endpoint_name"] for device in found["data"]]


async def test_a_group_shows_what_was_said_of_it(opened: Site) -> None:
    group = await create(opened, description="d", custom_attributes={"floor": "2"})
    shown = await opened.get(f"{group}/")
    assert shown["object"] == "device-group"
    assert (shown["name"], shown["description"]) == ("kettles", "d")
    assert shown["custom_attributes"] == {"floor": "2"}
    assert shown["devices_count"] == 0
    assert shown["etag"] == shown["updated_at"] == shown["created_at"]
    assert (await opened.get(GROUPS))["data"] == [shown]


async def test_a_group_is_changed_where_something_is_said(opened: Site) -> None:
    group = await create(opened, description="d", custom_attributes={"floor": "2"})
    changed = await opened.send(
        "PUT", group, {"name": "pots", "custom_attributes": {}, "devices_count": 7}
    )
    assert (changed["name"], changed["description"]) == ("pots", "d")
    assert (changed["custom_attributes"], changed["devices_count"]) == ({}, 0)
    assert changed["updated_at"] > changed["created_at"]


async def test_a_name_is_one_groups(opened: Site) -> None:
    await create(opened)
    pots = await create(opened, "pots")
    refused = await opened.send("POST", GROUPS, {"name": "pots"}, status=409)
    assert refused["type"] == "duplicate"
    await opened.send("PUT", pots, {"name": "kettles"}, status=409)
    opened.client.headers.update(await opened.allow("ak_other", OTHER_ACCOUNT))
    await create(opened)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", ""),
        ("name", "n" * 129),
        ("description", "d" * 2001),
        ("custom_attributes", {f"k{number}": "" for number in range(11)}),
        ("custom_attributes", {"1": ""}),
    ],
)
async def test_what_is_wrong_is_refused_by_name(
    opened: Site, member: str, value: object
) -> None:
    body = {"name": "kettles", member: value}
    refused = await opened.send("POST", GROUPS, body, status=400)
    assert refused["fields"][0]["name"].partition(".")[0] == member


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "is needed"),
        (
            {"name": "pots", "custom_attributes": {"1": ""}},
            "is wrong: a key begins with a letter and has 128 characters at most",
        ),
    ],
)
async def test_what_is_wrong_is_said_in_words(
    opened: Site, body: object, said: str
) -> None:
    refused = await opened.send("POST", GROUPS, body, status=400)
    assert refused["fields"][0]["message"] == said


async def test_an_empty_body_says_nothing(opened: Site) -> None:
    assert (await opened.client.post("/v3/devices")).status_code == 201
    answer = await opened.client.post(GROUPS)
    (field,) = answer.json()["fields"]
    assert (answer.status_code, field["name"]) == (400, "name")
    assert field["message"] == "is needed"


async def test_devices_come_and_go_as_often_as_one_likes(opened: Site) -> None:
    group = await create(opened)
    await record(opened, "one", "two")
    for _ in range(2):
        await move(opened, group, "add", "one")
    await move(opened, group, "add", "two")
    assert await members(opened, group) == ["one", "two"]
    assert await members(opened, group, "name__eq=two") == ["two"]
    assert await members(opened, group, "order=DESC&limit=2") == ["two", "one"]
    shown = await opened.get(group)
    assert shown["devices_count"] == 2
    device = await opened.get(f"/v3/devices/{device_of('one')}")
    assert device["groups"] == [shown["id"]]
    for _ in range(2):
        await move(opened, group, "remove", "one")
    assert await members(opened, group) == ["two"]
    assert (await opened.get(group))["devices_count"] == 1


async def test_that_a_device_came_into_a_group_is_an_event_of_it(opened: Site) -> None:
    group = await create(opened)
    await record(opened, "one")
    for way in ("add", "add", "remove", "remove"):
        await move(opened, group, way, "one")
    identity = group.rpartition("/")[2]
    created, added, removed = (await opened.get("/v3/device-events"))["data"]
    assert created["event_type"] == "update.device.device-created"
    assert added["event_type"] == "update.device.device-added-to-group"
    assert (added["device_id"], added["state_change"]) == (device_of("one"), False)
    assert added["changes"] == {"groups": [identity]}
    assert added["data"]["previous"] == {"groups": []}
    assert removed["event_type"] == "update.device.device-removed-from-group"
    assert removed["changes"] == {"groups": []}


async def test_many_that_come_at_once_are_counted(opened: Site) -> None:
    group = await create(opened)
    names = [f"urn:dev:{number}" for number in range(8)]
    await record(opened, *names)
    await asyncio.gather(*(move(opened, group, "add", name) for name in names * 2))
    assert (await opened.get(group))["devices_count"] == len(names)


async def test_a_deleted_device_is_in_no_group(opened: Site) -> None:
    group = await create(opened)
    await record(opened, "one", "two")
    for name in ("one", "two"):
        await move(opened, group, "add", name)
    await opened.send("DELETE", f"/v3/devices/{device_of('one')}", status=204)
    assert await members(opened, group) == ["two"]
    assert (await opened.get(group))["devices_count"] == 1


async def test_a_deleted_group_leaves_its_devices(opened: Site) -> None:
    group = await create(opened)
    await record(opened, "one")
    await move(opened, group, "add", "one")
    await opened.send("DELETE", group, status=204)
    await opened.send("DELETE", group, status=404)
    await opened.send("GET", f"{group}/devices", status=404)
    assert (await opened.get(f"/v3/devices/{device_of('one')}"))["groups"] == []


@pytest.mark.parametrize("way", ["add", "remove"])
async def test_what_is_not_there_cannot_be_moved(opened: Site, way: str) -> None:
    group = await create(opened)
    await record(opened, "one")
    await move(opened, group, way, "two", status=404)
    await move(opened, f"{GROUPS}/{NOBODY}", way, "one", status=404)
    path = f"{group}/devices/{way}"
    refused: Any = await opened.send("POST", path, {"device_id": "x"}, status=400)
    assert refused["fields"][0]["name"] == "device_id"


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("name__eq=kettles", 1),
        ("name__nin=kettles", 1),
        ("devices_count__gte=1", 1),
        ("devices_count__lte=1", 2),
        ("devices_count__eq=0", 1),
        ("created_at__gte=20200101T000000Z", 2),
        ("updated_at__lte=20200101T000000Z", 0),
    ],
)
async def test_groups_are_found_by_what_they_are(
    opened: Site, query: str, count: int
) -> None:
    group = await create(opened)
    await create(opened, "pots")
    await record(opened, "one")
    await move(opened, group, "add", "one")
    assert len((await opened.get(f"{GROUPS}?{query}"))["data"]) == count


async def test_only_who_may_has_a_hand_in_a_group(opened: Site) -> None:
    group = await create(opened)
    await record(opened, "one")
    for account, role, status in (
        (OTHER_ACCOUNT, "administrator", 404),
        (ACCOUNT, "reader", 403),
    ):
        headers = await opened.allow("ak_else", account, role=role)
        opened.client.headers.update(headers)
        await opened.send("PUT", group, {"name": "mine"}, status=status)
        await move(opened, group, "add", "one", status=status)
        await opened.send("DELETE", group, status=status)
