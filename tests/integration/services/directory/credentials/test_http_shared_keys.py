"""Keys that devices share with us: registered once, known to edges, never shown."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from homeport.identity import Service
from homeport.runtime import database
from homeport.store.entries import RegisteredKey
from services.directory.schema import MIGRATIONS, SCHEMA
from tests.support.directory import ACCOUNT, OTHER_ACCOUNT, Site

pytestmark = pytest.mark.integration

KEYS = "/v2/device-shared-keys"
NAME = "urn:dev:os:kettle-1"
SECRET = "00112233445566778899aabbccddeeff"
BODY = {"endpoint_name": NAME, "secret_hex": f"0x{SECRET}"}


@pytest_asyncio.fixture(loop_scope="session")
async def opened(opened: Site) -> AsyncIterator[Site]:
    async with opened.running():
        yield opened


async def create(opened: Site, **changed: str) -> dict[str, Any]:
    made: dict[str, Any] = await opened.send("POST", KEYS, BODY | changed, status=201)
    return made


async def refused(
    opened: Site, method: str, path: str, body: object = None
) -> tuple[int, str]:
    """Call a route that refuses; return status and word."""
    answer = await opened.client.request(method, path, json=body)
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.status_code, answer.text


async def known(
    opened: Site, name: str = NAME, service: Service = Service.BOOTSTRAP
) -> RegisteredKey | None:
    """Return what an edge finds for a PSK identity."""
    (found,) = await opened.entries.registered_keys(service, [name.encode()])
    return found


async def test_a_key_is_known_to_the_edges_before_the_call_is_answered(
    opened: Site,
) -> None:
    made = await create(opened)
    found = await known(opened)
    assert found is not None
    assert found.key == bytes.fromhex(SECRET)
    assert (found.account, found.endpoint_name) == (ACCOUNT, NAME)
    assert await known(opened, service=Service.LWM2M) is None
    assert made == {
        "object": "device-shared-key",
        "endpoint_name": NAME,
        "service": "bootstrap",
        "created_at": made["created_at"],
    }
    assert await opened.get(f"{KEYS}/{NAME}") == made
    assert await opened.get(f"{KEYS}/{NAME}/") == made


async def test_a_key_may_be_for_devices_that_never_bootstrap(opened: Site) -> None:
    await create(opened, service="lwm2m")
    assert await known(opened) is None
    assert await known(opened, service=Service.LWM2M) is not None


async def test_a_key_is_never_overwritten(opened: Site) -> None:
    await create(opened)
    for body in (BODY, BODY | {"secret_hex": "f" * 64, "service": "lwm2m"}):
        assert await refused(opened, "POST", KEYS, body) == (
            409,
            "KEY_ALREADY_EXISTS_FOR_ENDPOINT",
        )
    found = await known(opened)
    assert found is not None
    assert found.key == bytes.fromhex(SECRET)


async def test_a_deleted_key_opens_nothing(opened: Site) -> None:
    await create(opened)
    for _ in range(2):
        await opened.send("DELETE", f"{KEYS}/{NAME}", status=204)
    assert await known(opened) is None
    assert await refused(opened, "GET", f"{KEYS}/{NAME}") == (404, "NOT_FOUND")


async def test_a_name_may_get_a_key_for_the_other_server_later(opened: Site) -> None:
    await create(opened)
    await opened.send("DELETE", f"{KEYS}/{NAME}", status=204)
    await create(opened, service="lwm2m", secret_hex="f" * 32)
    assert await known(opened) is None
    found = await known(opened, service=Service.LWM2M)
    assert found is not None
    assert found.key == b"\xff" * 16


@pytest.mark.parametrize(
    "name", ["/kettles//first/1/", "kettle 1 of 100%25 ?", "a/b?c#d&e=f;g,h:i"]
)
async def test_a_name_is_percent_encoded_in_the_path(opened: Site, name: str) -> None:
    made = await create(opened, endpoint_name=name)
    path = f"{KEYS}/{quote(name, safe='')}"
    assert await opened.get(path) == made
    await opened.send("DELETE", path, status=204)
    assert await known(opened, name) is None


@pytest.mark.parametrize("name", ["short", "x" * 65, "kettle%7Fkettle-kettle", "a/b"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_path_without_a_name_is_refused(
    opened: Site, name: str, method: str
) -> None:
    assert await refused(opened, method, f"{KEYS}/{name}") == (
        400,
        "INVALID_ENDPOINT_NAME",
    )


async def test_what_is_wrong_with_a_key_is_said_in_words(opened: Site) -> None:
    body = {"endpoint_name": "kettle", "secret_hex": "secret"}
    assert await refused(opened, "POST", KEYS, body) == (
        400,
        "INVALID_ENDPOINT_NAME,INVALID_SECRET_HEX",
    )


async def test_keys_are_listed_page_by_page(opened: Site) -> None:
    names = [f"urn:dev:os:kettle-{number}" for number in range(5)]
    for name in names:
        await create(opened, endpoint_name=name)
    first = await opened.get(KEYS, limit=3, include="total_count")
    assert [each["endpoint_name"] for each in first["data"]] == names[:3]
    assert (first["has_more"], first["total_count"]) == (True, 5)
    last = await opened.get(KEYS, limit=3, after=first["continuation_marker"])
    assert [each["endpoint_name"] for each in last["data"]] == names[3:]
    assert (last["has_more"], last["continuation_marker"]) == (False, None)
    assert SECRET not in f"{first}{last}"


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("limit=many", "INVALID_LIMIT"),
        ("after=" + "0" * 32, "TOKEN_NOT_FOUND"),
        ("after=x", "TOKEN_NOT_FOUND"),
        ("colour=red", "INVALID_PARAMETER"),
    ],
)
async def test_a_list_that_is_asked_for_wrongly_is_refused(
    opened: Site, query: str, word: str
) -> None:
    assert await refused(opened, "GET", f"{KEYS}?{query}") == (400, word)


async def test_an_account_sees_nothing_of_another(opened: Site) -> None:
    await create(opened)
    opened.client.headers.update(await opened.allow("ak_other", OTHER_ACCOUNT))
    assert (await opened.get(KEYS))["data"] == []
    assert await refused(opened, "GET", f"{KEYS}/{NAME}") == (404, "NOT_FOUND")
    await opened.send("DELETE", f"{KEYS}/{NAME}", status=204)
    assert await known(opened) is not None


async def test_an_identity_belongs_to_one_account(opened: Site) -> None:
    await create(opened)
    opened.client.headers.update(await opened.allow("ak_other", OTHER_ACCOUNT))
    assert await refused(opened, "POST", KEYS, BODY) == (
        409,
        "KEY_ALREADY_EXISTS_FOR_ENDPOINT",
    )


async def test_who_may_not_is_told_in_a_word(opened: Site) -> None:
    opened.client.headers.update(await opened.allow("ak_r", ACCOUNT, role="reader"))
    assert (await opened.get(KEYS))["data"] == []
    assert await refused(opened, "POST", KEYS, BODY) == (403, "FORBIDDEN")
    assert await refused(opened, "DELETE", f"{KEYS}/{NAME}") == (403, "FORBIDDEN")
    del opened.client.headers["authorization"]
    assert await refused(opened, "GET", KEYS) == (401, "UNAUTHORIZED")
    assert await refused(opened, "PATCH", KEYS) == (405, "METHOD_NOT_ALLOWED")


async def test_a_secret_lies_open_nowhere(opened: Site) -> None:
    await create(opened)
    url = opened.settings.postgres_url.get_secret_value()
    async with (
        database.connections(url, schema=SCHEMA, migrations=MIGRATIONS) as engine,
        engine.connect() as connection,
    ):
        kept = await connection.scalar(
            text("SELECT secret FROM directory.device_shared_keys")
        )
    assert isinstance(kept, bytes)
    assert bytes.fromhex(SECRET) not in kept


async def test_a_body_without_end_is_refused(opened: Site) -> None:
    answer: httpx.Response = await opened.client.post(KEYS, content=b" " * 70_000)
    assert (answer.status_code, answer.text) == (400, "BAD_REQUEST")
