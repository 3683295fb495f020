"""The REST routes of the directory."""

import asyncio
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from homeport.events.facts import AnyFact, FactName
from homeport.runtime import rest
from homeport.store import trust
from homeport.store.trust import Grant
from services.directory import handlers, http
from services.directory.handlers import project
from services.directory.store import DeviceStore
from tests.support import sessions
from tests.support.directory import (
    KEY,
    OTHER_ACCOUNT,
    Site,
    device_of,
    fact,
)
from tests.support.line import line

pytestmark = pytest.mark.integration

DEVICES = "/v3/devices/"
EVENTS = "/v3/device-events/"
REGISTERED = fact(FactName.DEVICE_REGISTERED, 7)


async def store(engine: AsyncEngine, told: Iterable[AnyFact]) -> None:
    await project(list(told), stored=DeviceStore(engine))


def assert_problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """Check the form of a refusal; return it."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    body: dict[str, Any] = answer.json()
    assert body["object"] == "error"
    assert body["code"] == status
    assert body["type"] == kind
    assert body["message"]
    assert body["request_id"] == answer.headers[rest.REQUEST_ID]
    return body


async def test_a_device_is_shown_to_its_owner(
    opened: Site, engine: AsyncEngine
) -> None:
    await store(engine, [REGISTERED])
    device = await opened.get(DEVICES + device_of())
    assert device["object"] == "device"
    assert device["id"] == device_of()
    assert device["state"] == "registered"
    assert device["endpoint_type"] == "kettle"
    assert device["created_at"] == "2026-11-24T14:20:12.000000Z"
    assert await opened.get(DEVICES + device_of().upper()) == device
    assert (await opened.get(DEVICES))["data"] == [device]


@pytest.mark.parametrize(
    "path",
    ["/v3/devices", "/v3/device-events", "/v3/devicelog", "/v3/devices/{device}"],
)
async def test_a_path_is_the_same_with_and_without_its_slash(
    opened: Site, engine: AsyncEngine, path: str
) -> None:
    await store(engine, [REGISTERED])
    without = await opened.get(path.format(device=device_of()))
    assert await opened.get(path.format(device=device_of()) + "/") == without


async def test_what_happened_is_shown_under_both_names(
    opened: Site, engine: AsyncEngine
) -> None:
    await store(engine, [REGISTERED])
    created, event = (await opened.get(EVENTS))["data"]
    assert created["event_type"] == "update.device.device-created"
    assert event["object"] == "device-event"
    assert event["event_type"] == "update.device.device-registered"
    assert event["date_time"] == "2026-11-24T14:20:12.000000Z"
    assert event["device_id"] == device_of()
    assert event["state_change"] is True
    assert event["changes"]["state"] == "registered"
    assert await opened.get(EVENTS + event["id"]) == event
    assert await opened.get("/v3/devicelog/" + event["id"]) == event
    assert (await opened.get("/v3/devicelog/"))["data"] == [created, event]


async def test_a_list_tells_its_page(opened: Site) -> None:
    assert await opened.get(DEVICES, include="total_count") == {
        "object": "list",
        "data": [],
        "limit": 50,
        "order": "ASC",
        "after": None,
        "has_more": False,
        "total_count": 0,
    }


@pytest.mark.parametrize("order", ["ASC", "DESC"])
@pytest.mark.parametrize(("path", "fleet"), [(DEVICES, 1_000), (EVENTS, 500)])
async def test_a_thousand_objects_are_read_page_by_page(
    opened: Site, engine: AsyncEngine, path: str, fleet: int, order: str
) -> None:
    await store(
        engine,
        [
            fact(
                FactName.DEVICE_REGISTERED,
                number // 10,
                device=f"urn:dev:{number}",
                revision=number // 10 * 10,
            )
            for number in range(fleet)
        ],
    )
    read: list[Any] = []
    after = ""
    while True:
        page = await opened.get(path, limit=70, order=order, after=after)
        assert page["after"] == (after or None)
        read += page["data"]
        if not page["has_more"]:
            break
        assert len(page["data"]) == 70
        after = page["data"][-1]["id"]
    times = [each["created_at"] for each in read]
    assert len({each["id"] for each in read}) == 1_000
    assert times == sorted(times, reverse=order == "DESC")
    whole = await opened.get(path, limit=5_000, order=order)
    assert whole["limit"] == 1_000
    assert whole["data"] == read


@pytest.mark.parametrize("after", ["0" * 32, "x", "\0"])
@pytest.mark.parametrize("path", [DEVICES, EVENTS])
async def test_a_page_after_nothing_is_not_found(
    opened: Site, path: str, after: str
) -> None:
    answer = await opened.client.get(path, params={"after": after})
    problem = assert_problem(answer, 404, "not_found")
    assert problem["message"] == "unable to find page"


ALL = ["enrolling", "gone", "here", "waiting"]


async def stored_four(engine: AsyncEngine) -> None:
    """Store a device in each state, a second apart."""
    told = [
        fact(FactName.DEVICE_BOOTSTRAPPING, 1, device="enrolling"),
        fact(FactName.DEVICE_BOOTSTRAPPED, 2, device="waiting"),
        fact(FactName.DEVICE_REGISTERED, 3, device="here"),
        fact(FactName.DEVICE_REGISTERED, 4, device="gone", endpoint_type="pot"),
        fact(FactName.DEVICE_DEREGISTERED, 5, device="gone"),
    ]
    await store(engine, told)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("state__eq=registered", ["here"]),
        ("state=registered", ["here"]),
        ("state__neq=registered", ["enrolling", "gone", "waiting"]),
        ("state__in=registered,deregistered", ["gone", "here"]),
        ("state__nin=registered,deregistered", ["enrolling", "waiting"]),
        ("state__eq=lost", []),
        ("state__eq=registered&state__eq=deregistered", []),
        ("endpoint_name__eq=here", ["here"]),
        ("endpoint_type__in=kettle,pot", ["gone", "here"]),
        (f"id__eq={device_of('here').upper()}", ["here"]),
        ("created_at__gte=2026-11-24T14:20:08Z", ["gone", "here"]),
        ("created_at__lte=2026-11-24T14:20:07.5Z", ["enrolling", "waiting"]),
        ("created_at__in=20261124T142007Z,20261124T142008Z", ["here", "waiting"]),
        ("created_at__nin=20261124T142007Z", ["enrolling", "gone", "here"]),
        ("updated_at__gte=20261124T142010Z", ["gone"]),
        ("bootstrapped_timestamp__gte=20200101T000000Z", ["waiting"]),
        ("bootstrapped_timestamp__nin=20200101T000000Z", ALL),
        ("device_execution_mode__eq=0", ALL),
        ("device_execution_mode__in=1,5", []),
        ("lifecycle_status__eq=enabled", ALL),
        ("operator_suspended__eq=false", ALL),
        ("operator_suspended__neq=False", []),
        ("name__eq=", ALL),
        ("vendor_id__in=a,b", []),
        ("bootstrap_expiration_date__lte=2027-01-31", []),
        ("custom_attributes__colour=red", []),
        ("custom_attributes__colour__neq=red", ALL),
        ("name__eq=%00", []),
        (
            "filter=" + quote("state=registered&created_at__gte=20261124T142008Z"),
            ["here"],
        ),
        ("filter=" + quote("created_at=2026-11-24T14:20:08.000000Z"), ["here"]),
        ("filter=" + quote("state__in=bootstrapped,registered"), ["here", "waiting"]),
        ("filter=" + quote("issuer_fingerprint__neq=a"), ALL),
    ],
)
async def test_devices_are_found_by_what_they_are(
    opened: Site, engine: AsyncEngine, query: str, names: list[str]
) -> None:
    await stored_four(engine)
    body = await opened.get(f"{DEVICES}?{query}&include=total_count")
    assert sorted(device["endpoint_name"] for device in body["data"]) == names
    assert body["total_count"] == len(names)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        (f"device_id__eq={device_of('gone')}", 3),
        ("event_type__eq=update.device.device-deregistered", 1),
        ("event_type__neq=update.device.device-deregistered", 8),
        ("description__in=Device registered,Device bootstrapped", 3),
        ("state_change__eq=true", 5),
        ("state_change__neq=true", 4),
        ("date_time__gte=2026-11-24T14:20:09.000000Z", 3),
    ],
)
async def test_events_are_found_by_what_happened(
    opened: Site, engine: AsyncEngine, query: str, count: int
) -> None:
    await stored_four(engine)
    assert len((await opened.get(f"{EVENTS}?{query}"))["data"]) == count


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("colour__eq=red", "colour__eq"),
        ("state__like=reg", "state__like"),
        ("created_at__gte=yesterday", "created_at__gte"),
        ("limit=many", "limit"),
        ("id__in=" + "a" * 20_000, "query"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_name(
    opened: Site, query: str, name: str
) -> None:
    answer = await opened.client.get(f"{DEVICES}?{query}")
    problem = assert_problem(answer, 400, "validation_error")
    (field,) = problem["fields"]
    assert field["name"] == name
    assert field["message"]


async def test_a_refused_call_is_found_in_the_log_by_the_id_of_its_answer(
    opened: Site,
) -> None:
    with capture_logs() as logged:
        answer = await opened.client.get(f"{DEVICES}kitchen")
    problem = assert_problem(answer, 400, "validation_error")
    (line,) = [each for each in logged if each["event"] == "call refused"]
    assert line["request_id"] == problem["request_id"]
    assert line["call"] == f"GET {DEVICES}kitchen"


@pytest.mark.parametrize("path", [DEVICES, EVENTS])
@pytest.mark.parametrize("identity", ["kitchen", "a" * 31, "%00", "g" * 32])
async def test_what_is_no_id_is_refused(opened: Site, path: str, identity: str) -> None:
    assert_problem(await opened.client.get(path + identity), 400, "validation_error")


@pytest.mark.parametrize(
    "path", [DEVICES + "0" * 32, EVENTS + "0" * 32, "/v3/nothing", "/v3"]
)
async def test_what_is_not_there_is_not_found(opened: Site, path: str) -> None:
    assert_problem(await opened.client.get(path), 404, "not_found")


async def test_what_is_not_offered_is_not_allowed(opened: Site) -> None:
    answer = await opened.client.post(EVENTS, json={})
    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer unknown", "Bearer ak_1", f"Basic {KEY}"]
)
@pytest.mark.parametrize("path", [DEVICES, EVENTS, DEVICES + "0" * 32])
async def test_who_has_no_key_is_refused(
    opened: Site, path: str, authorization: str
) -> None:
    answer = await opened.client.get(path, headers={"authorization": authorization})
    assert_problem(answer, 401, "invalid_auth")


async def test_an_account_sees_nothing_of_another(
    opened: Site, engine: AsyncEngine
) -> None:
    await store(engine, [REGISTERED])
    event, _ = (await opened.get(EVENTS))["data"]
    opened.client.headers.update(await opened.allow("ak_other", OTHER_ACCOUNT))
    for path in (DEVICES, EVENTS):
        assert await opened.total(path) == 0
    for path in (DEVICES + device_of(), EVENTS + event["id"]):
        assert_problem(await opened.client.get(path), 404, "not_found")
    after = await opened.client.get(DEVICES, params={"after": device_of()})
    assert_problem(after, 404, "not_found")
    narrowed = await opened.get(DEVICES, account_id__eq=str(REGISTERED.account_id))
    assert narrowed["data"] == []


async def test_a_device_that_has_just_registered_is_waited_for(
    opened: Site, engine: AsyncEngine, redis_url: str
) -> None:
    device = sessions.device()
    async with sessions.edge(redis_url) as edge:
        await edge.do(device.register(1))
        asking = asyncio.create_task(opened.client.get(DEVICES + device.id))
        told = await edge.facts_of(device.id)
        await store(engine, told)
        answer = await asking
    assert answer.status_code == 200
    assert answer.json()["state"] == "registered"


async def test_a_row_that_never_comes_is_not_waited_for_long(
    opened: Site, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "ROW_WAIT_SECONDS", 0.2)
    device = sessions.device()
    async with sessions.edge(redis_url) as edge:
        await edge.do(device.register(1))
        async with asyncio.timeout(10):
            answer = await opened.client.get(DEVICES + device.id)
    assert_problem(answer, 404, "not_found")


async def test_nobody_waits_for_a_device_of_somebody_else(
    opened: Site, redis_url: str
) -> None:
    device = sessions.device()
    headers = await opened.allow("ak_other", OTHER_ACCOUNT)
    async with sessions.edge(redis_url) as edge:
        await edge.do(device.register(1))
        async with asyncio.timeout(1):
            answer = await opened.client.get(DEVICES + device.id, headers=headers)
    assert_problem(answer, 404, "not_found")


async def test_a_key_that_is_used_too_often_is_told_to_come_back(opened: Site) -> None:
    settings = opened.settings.model_copy(update={"http_requests_per_second": 0.01})
    grant = Grant("e" * 32, OTHER_ACCOUNT, "reader")
    await opened.trust.put_api_key(trust.digest("ak_other"), grant)
    other = {"authorization": "Bearer ak_other"}
    async with (
        http.application(settings) as routes,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(routes),
            base_url="http://homeport",
            headers=opened.client.headers,
        ) as client,
    ):
        assert (await client.get(DEVICES)).status_code == 200
        answer = await client.get(DEVICES)
        assert_problem(answer, 429, "too_many_requests")
        assert 1 <= int(answer.headers["retry-after"]) <= 100
        word = await client.get("/v2/device-shared-keys")
        assert (word.status_code, word.text) == (429, "TOO_MANY_REQUESTS")
        assert (await client.get(DEVICES, headers=other)).status_code == 200


@pytest.mark.parametrize("server", ["redis_url", "postgres_url"])
async def test_while_a_server_is_away_calls_are_told_to_come_back(
    opened: Site, server: str
) -> None:
    secret = server == "postgres_url"
    url = getattr(opened.settings, server)
    async with line(url.get_secret_value() if secret else url) as (way, far):
        settings = opened.settings.model_copy(
            update={server: SecretStr(far) if secret else far}
        )
        async with (
            http.application(settings) as routes,
            httpx.AsyncClient(
                transport=httpx.ASGITransport(routes),
                base_url="http://homeport",
                headers=opened.client.headers,
            ) as client,
        ):
            way.cut()
            answer = await client.get(DEVICES)
            assert_problem(answer, 503, "service_unavailable")
            assert answer.headers["retry-after"] == "1"
            way.mend()
            assert (await client.get(DEVICES)).status_code == 200


async def test_the_pages_describe_every_route(opened: Site) -> None:
    assert (await opened.client.get("/v3/docs")).status_code == 200
    document = await opened.get("/v3/openapi.json")
    assert set(document["paths"]) == {
        "/v3/devices",
        "/v3/devices/{device_id}",
        "/v3/devices/{device_id}/suspend",
        "/v3/devices/{device_id}/resume",
        "/v3/devices/{device_id}/certificates/{certificate_name}/renew",
        "/v3/device-groups",
        "/v3/device-groups/{group_id}",
        "/v3/device-groups/{group_id}/devices",
        "/v3/device-groups/{group_id}/devices/add",
        "/v3/device-groups/{group_id}/devices/remove",
        "/v3/device-enrollments",
        "/v3/device-enrollments/{enrollment_id}",
        "/v3/device-enrollments-bulk-uploads",
        "/v3/device-enrollments-bulk-uploads/{task_id}",
        "/v3/device-enrollments-bulk-deletes",
        "/v3/device-enrollments-bulk-deletes/{task_id}",
        "/v3/device-enrollment-denials",
        "/v3/device-enrollment-denials/{denial_id}",
        "/v3/device-queries",
        "/v3/device-queries/{query_id}",
        "/v3/device-block-categories",
        "/v3/device-block-categories/{reference}",
        "/v3/device-events",
        "/v3/device-events/{device_event_id}",
        "/v3/accounts",
        "/v3/accounts/me",
        "/v3/accounts/{account_id}",
        "/v3/accounts/{account_id}/api-keys",
        "/v3/accounts/{account_id}/devices/{device_id}",
        "/v3/bootstrap-configurations",
        "/v3/bootstrap-configurations/dry-run",
        "/v3/bootstrap-configurations/{configuration_id}",
        "/v3/object-definitions",
        "/v3/object-definitions/{definition_id}",
        "/v3/unclaimed-devices",
        "/v3/api-keys",
        "/v3/api-keys/me",
        "/v3/api-keys/{api_key_id}",
        "/v3/trusted-certificates",
        "/v3/trusted-certificates/{certificate_id}",
        "/v3/trusted-certificates/{certificate_id}/proof",
        "/v3/developer-certificates",
        "/v3/developer-certificates/{certificate_id}",
        "/v3/certificate-authorities",
        "/v3/certificate-authorities/{name}",
        "/v3/certificate-authorities/{name}/renew",
        "/v3/former-certificate-authorities",
        "/v3/former-certificate-authorities/{fingerprint}",
        "/v3/certificate-enrollments",
        "/v3/certificate-enrollments/{enrollment_id}",
        "/v3/certificate-issuers",
        "/v3/certificate-issuers/{issuer_id}",
        "/v3/certificate-issuer-configurations",
        "/v3/certificate-issuer-configurations/lwm2m",
        "/v3/certificate-issuer-configurations/{configuration_id}",
        "/v3/server-credentials",
        "/v3/server-credentials/{service}",
        "/v2/device-shared-keys",
        "/v2/device-shared-keys/{endpoint_name}",
    }
    assert set(document["paths"]["/v3/devices"]["get"]["responses"]) >= {
        *("200", "400", "401", "403", "404", "429", "503", "default"),
    }
