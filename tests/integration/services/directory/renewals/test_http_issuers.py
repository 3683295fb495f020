"""Accounts choose who signs certificates; Homeport's own issuer does by default."""

from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from services.directory.config import hosts
from services.directory.credentials.authority_store import AuthorityStore
from services.directory.renewals import issuer_configurations
from services.directory.renewals.renewal_bodies import ISSUER_ID
from tests.support.directory import ACCOUNT, OTHER_ACCOUNT, Site

pytestmark = pytest.mark.integration

ISSUERS = "/v3/certificate-issuers"
CONFIGURATIONS = "/v3/certificate-issuer-configurations"
LWM2M = f"{CONFIGURATIONS}/lwm2m"
OTHER_KEY, OPERATING_KEY = "ak_other", "ak_operating"
DLMS = {"reference": "customer.dlms", "certificate_issuer_id": ISSUER_ID}


@pytest_asyncio.fixture(loop_scope="session")
async def opened(opened: Site, engine: AsyncEngine) -> Site:
    settings = opened.settings
    stored = AuthorityStore(engine, settings.keyring, hosts(settings))
    await stored.establish()
    await opened.allow(OTHER_KEY, OTHER_ACCOUNT)
    await opened.allow(OPERATING_KEY, ACCOUNT, role="operator")
    return opened


def use(opened: Site, key: str) -> None:
    """Call with a key from now on."""
    opened.client.headers["authorization"] = f"Bearer {key}"


async def create(opened: Site, status: int = 201, **changed: object) -> Any:
    return await opened.send("POST", CONFIGURATIONS, DLMS | changed, status=status)


async def test_there_is_one_issuer(opened: Site) -> None:
    page = await opened.get(ISSUERS)
    (issuer,) = page["data"]
    assert (issuer["id"], issuer["object"]) == (ISSUER_ID, "certificate-issuer")
    assert issuer["certificate"].startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE" not in str(issuer)
    assert await opened.get(f"{ISSUERS}/{ISSUER_ID}") == issuer
    await opened.send("GET", f"{ISSUERS}/{'0' * 32}", status=404)


async def test_an_issuer_is_chosen_for_a_name(opened: Site) -> None:
    made = await create(opened)
    assert set(made) == {
        *("object", "id", "reference", "certificate_issuer_id", "is_custom"),
        *("created_at", "updated_at", "etag"),
    }
    assert made["object"] == "certificate-issuer-configuration"
    assert made["is_custom"] is True
    path = f"{CONFIGURATIONS}/{made['id']}"
    assert await opened.get(path) == made
    assert (await opened.get(CONFIGURATIONS, reference__eq="customer.dlms"))[
        "data"
    ] == [made]
    assert (await opened.get(CONFIGURATIONS, reference__eq="LWM2M"))["data"] == []
    changed = await opened.send("PUT", path, {"certificate_issuer_id": None})
    assert changed["certificate_issuer_id"] is None
    assert changed["created_at"] == made["created_at"] < changed["updated_at"]
    await opened.send("DELETE", path, status=204)
    await opened.send("GET", path, status=404)
    await opened.send("PUT", path, {}, status=404)
    await opened.send("DELETE", path, status=404)


async def test_a_name_has_one_issuer(opened: Site) -> None:
    await create(opened)
    assert (await create(opened, status=409))["type"] == "duplicate"
    use(opened, OTHER_KEY)
    await create(opened)


async def test_devices_register_with_what_the_own_issuer_has_signed(
    opened: Site,
) -> None:
    default = await opened.get(LWM2M)
    assert (default["reference"], default["is_custom"]) == ("LWM2M", False)
    assert default["certificate_issuer_id"] is None
    assert (await opened.get(CONFIGURATIONS))["data"] == []
    body = {"certificate_issuer_id": ISSUER_ID}
    for _ in range(2):
        chosen = await opened.send("PUT", LWM2M, body)
        assert chosen["id"] == default["id"]
        assert chosen["certificate_issuer_id"] == ISSUER_ID
        assert await opened.get(LWM2M) == chosen
    path = f"{CONFIGURATIONS}/{chosen['id']}"
    assert await opened.get(path) == chosen
    await opened.send("DELETE", path, status=400)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reference", "mbed.BootstrapDeviceCert"),
        ("reference", "dlms"),
        ("reference", ""),
        ("reference", None),
        ("certificate_issuer_id", "0" * 32),
        ("certificate_issuer_id", 1),
    ],
)
async def test_what_is_wrong_is_named_as_a_field(
    opened: Site, name: str, value: object
) -> None:
    refused = await create(opened, status=400, **{name: value})
    assert [each["field"] for each in refused["fields"]] == [name]


async def test_only_so_many_names_have_one(
    opened: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_configurations, "MOST", 2)
    for number in range(2):
        await create(opened, reference=f"customer.{number}")
    refused = await create(opened, status=403)
    assert refused["type"] == "account_limit_exceeded"


async def test_another_account_sees_and_changes_nothing_of_it(opened: Site) -> None:
    path = f"{CONFIGURATIONS}/{(await create(opened))['id']}"
    use(opened, OTHER_KEY)
    assert (await opened.get(CONFIGURATIONS))["data"] == []
    for method in ("GET", "PUT", "DELETE"):
        await opened.send(method, path, {}, status=404)


async def test_only_an_administrator_chooses(opened: Site) -> None:
    made = await create(opened)
    path = f"{CONFIGURATIONS}/{made['id']}"
    use(opened, OPERATING_KEY)
    await create(opened, status=403)
    for method, place in (("PUT", path), ("DELETE", path), ("PUT", LWM2M)):
        await opened.send(method, place, {}, status=403)
    assert await opened.get(path) == made
