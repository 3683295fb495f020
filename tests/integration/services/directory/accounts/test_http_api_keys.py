"""API keys as callers make, change and delete them."""

from typing import Any

import pytest

from tests.support.directory import ACCOUNT, KEY, OTHER_ACCOUNT, Site

pytestmark = pytest.mark.integration

KEYS = "/v3/api-keys"


async def create(opened: Site, **given: object) -> dict[str, Any]:
    body = {"name": "app"} | given
    made: dict[str, Any] = await opened.send("POST", KEYS, body, status=201)
    return made


def use(opened: Site, key: str) -> None:
    """Call with a key from now on."""
    opened.client.headers["authorization"] = f"Bearer {key}"


async def test_a_key_is_shown_once_and_works_at_once(opened: Site) -> None:
    made = await create(opened, owner="u" * 32, groups=["g" * 32])
    assert made["object"] == "api-key"
    assert made["key"].startswith("ak_1")
    assert len(made["key"]) == 68
    assert (made["name"], made["role"], made["status"]) == ("app", "operator", "ACTIVE")
    assert (made["owner"], made["groups"]) == ("u" * 32, ["g" * 32])
    assert (made["account_id"], made["last_login_time"]) == (ACCOUNT, 0)
    shown = await opened.get(f"{KEYS}/{made['id']}/")
    assert shown == made | {"key": made["key"][:-32]}
    assert (await opened.get(KEYS))["data"] == [shown]
    for query in (f"key__eq={shown['key']}", f"owner__eq={'u' * 32}"):
        assert (await opened.get(f"{KEYS}?{query}"))["data"] == [shown]
    assert (await opened.get(f"{KEYS}?key__eq={made['key']}"))["data"] == []
    use(opened, made["key"])
    assert (await opened.get(f"{KEYS}/me"))["id"] == made["id"]
    await opened.get("/v3/devices")


async def test_a_key_says_whose_account_it_is(opened: Site) -> None:
    made = await create(opened)
    use(opened, made["key"])
    account = await opened.get("/v3/accounts/me")
    assert (account["object"], account["id"]) == ("account", ACCOUNT)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", ""),
        ("name", "n" * 101),
        ("name", None),
        ("role", "king"),
        ("status", "ASLEEP"),
        ("groups", "g"),
    ],
)
async def test_what_is_wrong_is_refused_by_name(
    opened: Site, member: str, value: object
) -> None:
    body = {"name": "app", member: value}
    refused = await opened.send("POST", KEYS, body, status=400)
    assert refused["fields"][0]["name"] == member


async def test_a_change_of_role_counts_at_once(opened: Site) -> None:
    made = await create(opened, role="reader")
    path = f"{KEYS}/{made['id']}"
    use(opened, made["key"])
    await opened.send("POST", "/v3/devices", {}, status=403)
    use(opened, KEY)
    changed = await opened.send("PUT", path, {"role": "operator", "id": "0" * 32})
    assert (changed["role"], changed["name"], changed["id"]) == (
        "operator",
        "app",
        made["id"],
    )
    use(opened, made["key"])
    await opened.send("POST", "/v3/devices", {}, status=201)


@pytest.mark.parametrize("way", ["inactive", "deleted"])
async def test_a_key_can_be_shut_out(opened: Site, way: str) -> None:
    made = await create(opened)
    path = f"{KEYS}/{made['id']}"
    if way == "inactive":
        await opened.send("PUT", path, {"status": "INACTIVE"})
    else:
        await opened.send("DELETE", path, status=204)
        await opened.send("DELETE", path, status=404)
    use(opened, made["key"])
    await opened.send("GET", "/v3/devices", status=401)
    if way == "inactive":
        use(opened, KEY)
        await opened.send("PUT", path, {"status": "ACTIVE"})
        use(opened, made["key"])
        await opened.get("/v3/devices")


async def test_a_key_may_rename_itself_and_no_more(opened: Site) -> None:
    made = await create(opened, role="reader")
    use(opened, made["key"])
    body = {"name": "mine", "role": "administrator"}
    changed = await opened.send("PUT", f"{KEYS}/me", body)
    assert (changed["name"], changed["role"]) == ("mine", "reader")
    assert (await opened.get(f"{KEYS}/me"))["name"] == "mine"


@pytest.mark.parametrize("role", ["operator", "reader"])
async def test_only_an_administrator_deals_in_keys(opened: Site, role: str) -> None:
    made = await create(opened, role=role)
    path = f"{KEYS}/{made['id']}"
    use(opened, made["key"])
    await opened.send("POST", KEYS, {"name": "more"}, status=403)
    await opened.send("GET", KEYS, status=403)
    await opened.send("GET", path, status=403)
    await opened.send("PUT", path, {"role": "administrator"}, status=403)
    await opened.send("DELETE", path, status=403)


async def test_an_account_has_no_hand_in_anothers_keys(opened: Site) -> None:
    made = await create(opened)
    path = f"{KEYS}/{made['id']}"
    opened.client.headers.update(await opened.allow("ak_other", OTHER_ACCOUNT))
    assert (await opened.get(KEYS))["data"] == []
    for method in ("GET", "PUT", "DELETE"):
        await opened.send(method, path, {}, status=404)
    await opened.send("GET", "/v3/accounts/me", status=404)
    await opened.send("GET", f"{KEYS}/kitchen", status=400)
