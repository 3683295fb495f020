"""What the platform's operator does with accounts, and what only it may."""

from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.events.facts import FactName
from homeport.identity import Service
from homeport.names import PLATFORM_ACCOUNT
from services.directory.handlers import project
from services.directory.store import DeviceStore
from tests.support.directory import (
    ACCOUNT,
    KEY,
    OTHER_ACCOUNT,
    Site,
    device_of,
    fact,
    new_ca,
    pem_of,
)

pytestmark = pytest.mark.integration

ACCOUNTS = "/v3/accounts"
UNCLAIMED = "/v3/unclaimed-devices"
NOBODY = "0" * 31 + "1"
PLATFORM_KEY = "ak_platform"
FINGERPRINT = "4e" * 32
IDENTITY = "A-" + ":".join(["4E"] * 32)
CA = new_ca()


@pytest_asyncio.fixture(loop_scope="session")
async def opened(opened: Site) -> Site:
    """Called by the platform's operator."""
    headers = await opened.allow(PLATFORM_KEY, PLATFORM_ACCOUNT)
    opened.client.headers.update(headers)
    return opened


async def create(opened: Site, name: str = "kettles", **given: object) -> Any:
    body = {"name": name, **given}
    return await opened.send("POST", ACCOUNTS, body, status=201)


def use(opened: Site, key: str) -> None:
    """Call with a key from now on."""
    opened.client.headers["authorization"] = f"Bearer {key}"


async def test_a_new_account_has_a_key_that_works_at_once(opened: Site) -> None:
    made = await create(opened)
    key = made.pop("api_key")
    assert await opened.get(f"{ACCOUNTS}/{made['id']}/") == made
    assert (made["object"], made["name"]) == ("account", "kettles")
    assert made["direct_registration"] is False
    assert made["api_key_limit"] is made["device_limit"] is None
    use(opened, key)
    assert (await opened.get(f"{ACCOUNTS}/me"))["id"] == made["id"]
    assert await opened.get(f"{ACCOUNTS}/{made['id']}") == made
    await opened.send("POST", "/v3/api-keys", {"name": "app"}, status=201)


async def test_accounts_are_listed_and_found_by_name(opened: Site) -> None:
    for name in ("kettles", "pots"):
        await create(opened, name)
    body = await opened.get(ACCOUNTS, include="total_count")
    assert [each["name"] for each in body["data"]] == ["kettles", "pots"]
    assert body["total_count"] == 2
    (found,) = (await opened.get(f"{ACCOUNTS}?name__eq=pots"))["data"]
    assert found["name"] == "pots"


async def test_a_name_is_one_accounts(opened: Site) -> None:
    await create(opened)
    other = await create(opened, "pots")
    refused = await opened.send("POST", ACCOUNTS, {"name": "kettles"}, status=409)
    assert refused["type"] == "duplicate"
    path = f"{ACCOUNTS}/{other['id']}"
    await opened.send("PUT", path, {"name": "kettles"}, status=409)


async def test_an_account_is_changed_where_something_is_said(opened: Site) -> None:
    made = await create(opened, device_limit=7)
    path = f"{ACCOUNTS}/{made['id']}"
    changed = await opened.send("PUT", path, {"direct_registration": True})
    assert (changed["name"], changed["device_limit"]) == ("kettles", 7)
    assert changed["direct_registration"] is True
    assert changed["updated_at"] > made["updated_at"]
    changed = await opened.send("PUT", path, {"device_limit": None, "name": None})
    assert (changed["name"], changed["device_limit"]) == ("kettles", None)
    await opened.send("PUT", f"{ACCOUNTS}/{NOBODY}", {"name": "x"}, status=404)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        *(("name", ""), ("name", "n" * 101), ("name", None)),
        *(("device_limit", -1), ("device_limit", 2**31), ("api_key_limit", "many")),
        ("direct_registration", "perhaps"),
    ],
)
async def test_what_is_wrong_is_refused_by_name(
    opened: Site, member: str, value: object
) -> None:
    body = {"name": "kettles", member: value}
    refused = await opened.send("POST", ACCOUNTS, body, status=400)
    assert refused["fields"][0]["name"] == member


async def test_an_account_that_has_lost_its_keys_is_given_one(opened: Site) -> None:
    made = await create(opened)
    body = {"name": "again", "role": "administrator"}
    path = f"{ACCOUNTS}/{made['id']}/api-keys"
    key = (await opened.send("POST", path, body, status=201))["key"]
    await opened.send("POST", f"{ACCOUNTS}/{NOBODY}/api-keys", body, status=404)
    use(opened, key)
    assert (await opened.get(f"{ACCOUNTS}/me"))["id"] == made["id"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ACCOUNTS),
        ("POST", ACCOUNTS),
        ("GET", f"{ACCOUNTS}/{OTHER_ACCOUNT}"),
        ("PUT", f"{ACCOUNTS}/{ACCOUNT}"),
        ("POST", f"{ACCOUNTS}/{ACCOUNT}/api-keys"),
        ("DELETE", f"{ACCOUNTS}/{ACCOUNT}/devices/{device_of()}"),
        ("GET", UNCLAIMED),
    ],
)
async def test_nobody_else_may_do_this(opened: Site, method: str, path: str) -> None:
    reader = await opened.allow("ak_looks", PLATFORM_ACCOUNT, role="operator")
    for key in (KEY, reader["authorization"].removeprefix("Bearer ")):
        use(opened, key)
        body = {"name": "mine"} if method in {"POST", "PUT"} else None
        refused = await opened.send(method, path, body, status=403)
        assert refused["type"] == "unauthorized"


async def test_limits_of_an_account_are_kept(opened: Site) -> None:
    made = await create(
        opened, api_key_limit=2, device_limit=1, developer_certificate_limit=0
    )
    use(opened, made["api_key"])
    for path, body in (
        ("/v3/api-keys", {"name": "app"}),
        ("/v3/devices", {"endpoint_name": "one"}),
    ):
        await opened.send("POST", path, body, status=201)
    for path, body in (
        ("/v3/api-keys", {"name": "another"}),
        ("/v3/devices", {"endpoint_name": "two"}),
        ("/v3/developer-certificates", {"name": "mine"}),
    ):
        refused = await opened.send("POST", path, body, status=403)
        assert refused["type"] == "account_limit_exceeded"
    await opened.send("DELETE", f"/v3/devices/{await one(opened)}", status=204)
    await opened.send("POST", "/v3/devices", {"endpoint_name": "two"}, status=201)


async def one(opened: Site) -> str:
    """Return the id of the only device."""
    (device,) = (await opened.get("/v3/devices"))["data"]
    return str(device["id"])


async def test_an_account_without_direct_mode_has_no_keys_for_it(
    opened: Site,
) -> None:
    made = await create(opened)
    use(opened, made["api_key"])
    direct = {"name": "direct", "certificate": pem_of(CA.certificate.der)}
    await opened.send(
        "POST", "/v3/trusted-certificates", direct | {"service": "lwm2m"}, status=201
    )
    body = {"endpoint_name": "urn:dev:os:kettle-1", "secret_hex": "5e" * 16}
    for service in Service:
        body |= {
            "endpoint_name": f"urn:dev:os:kettle-{service}",
            "service": service.value,
        }
        await opened.send("POST", "/v2/device-shared-keys", body, status=201)
    assert await direct_ones(opened) == (False, False, True)
    for switched in (True, False):
        use(opened, PLATFORM_KEY)
        path = f"{ACCOUNTS}/{made['id']}"
        await opened.send("PUT", path, {"direct_registration": switched})
        assert await direct_ones(opened) == (switched, switched, True)


async def direct_ones(opened: Site) -> tuple[bool, bool, bool]:
    """Say whether edges know the CA, the direct key and that for bootstrap."""
    subject = CA.certificate.subject_digest
    (found,) = await opened.entries.chains([("0" * 64, [subject])])
    (key,) = await opened.entries.registered_keys(
        Service.LWM2M, [b"urn:dev:os:kettle-lwm2m"]
    )
    (other,) = await opened.entries.registered_keys(
        Service.BOOTSTRAP, [b"urn:dev:os:kettle-bootstrap"]
    )
    return bool(found.authorities), key is not None, other is not None


async def test_a_device_of_production_is_deleted_and_may_come_again(
    opened: Site, engine: AsyncEngine
) -> None:
    stored = DeviceStore(engine)
    await project([fact(FactName.DEVICE_BOOTSTRAPPED)], stored=stored)
    path = f"{ACCOUNTS}/{ACCOUNT}/devices/{device_of()}"
    await opened.send("DELETE", path, status=204)
    await opened.send("DELETE", path, status=404)
    use(opened, KEY)
    assert await opened.total() == 0
    events = (await opened.get("/v3/device-events"))["data"]
    assert "update.device.device-deleted" in [each["event_type"] for each in events]
    again = fact(FactName.DEVICE_BOOTSTRAPPED, revision=2**62)
    await project([again], stored=stored)
    assert await one(opened) == device_of()


async def test_devices_that_are_nobodys_are_listed(
    opened: Site, engine: AsyncEngine
) -> None:
    stored = DeviceStore(engine)
    refused = [
        fact(
            FactName.BOOTSTRAP_FAILED,
            number,
            account=PLATFORM_ACCOUNT,
            fingerprint=FINGERPRINT,
            reason=f"nobody has claimed it, {number}",
        )
        for number in (2, 1, 3)
    ]
    for told in ([refused[0]], refused):
        await project(told, stored=stored)
    (device,) = (await opened.get(UNCLAIMED))["data"]
    assert (device["object"], device["endpoint_name"]) == (
        "unclaimed-device",
        "urn:dev:1",
    )
    assert device["enrollment_identity"] == IDENTITY
    assert device["reason"] == "nobody has claimed it, 3"
    assert device["first_seen_at"] < device["last_seen_at"]
    use(opened, KEY)
    body = {"enrollment_identity": device["enrollment_identity"]}
    await opened.send("POST", "/v3/device-enrollments", body, status=201)
    use(opened, PLATFORM_KEY)
    assert (await opened.get(UNCLAIMED))["data"] == []
