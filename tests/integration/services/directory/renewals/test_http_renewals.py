"""Devices are asked to renew certificates, and callers see what comes of it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.events.facts import FactName
from homeport.names import DeviceId
from homeport.protocol import certificate_renewals
from homeport.protocol.device_requests import DeviceRequest, Method
from homeport.store.operations import Result
from services.directory.handlers import project
from services.directory.renewals.enrollments import EnrollmentStore
from services.directory.store import DeviceStore
from tests.support import sessions
from tests.support.directory import ACCOUNT, KEY, OTHER_ACCOUNT, Site, device_of, fact
from tests.support.downlink import PlayedEdge, Reply, played_edge
from tests.support.polling import until

pytestmark = pytest.mark.integration

ENROLLMENTS = "/v3/certificate-enrollments"
DEVICE = sessions.device()
NAME = "customer.dlms"
RENEWS = '[{"path":"/3/0/0"},{"path":"/35011/0/27002","rt":"Enroll"}]'
DONE = Reply("2.04", b"0", 0)
OTHER_KEY, READING_KEY = "ak_other", "ak_reading"


def path(device: DeviceId = DEVICE.id, name: str = NAME) -> str:
    return f"/v3/devices/{device}/certificates/{name}/renew"


@pytest_asyncio.fixture(loop_scope="session")
async def opened(opened: Site) -> Site:
    await opened.allow(OTHER_KEY, OTHER_ACCOUNT)
    await opened.allow(READING_KEY, ACCOUNT, role="reader")
    return opened


@pytest_asyncio.fixture(loop_scope="session")
async def serving(opened: Site) -> AsyncIterator[None]:
    """A directory that hears what comes of requests."""
    async with opened.running(renewal_sweep_seconds=0.1):
        yield


@pytest_asyncio.fixture(loop_scope="session")
async def edge(opened: Site) -> AsyncIterator[PlayedEdge]:
    """An edge to which a device has registered that answers what it is told to."""
    async with played_edge(
        opened.settings.redis_url, opened.nats, answer=lambda _: DONE
    ) as made:
        await made.register(DEVICE, resources=RENEWS)
        yield made


def use(opened: Site, key: str) -> None:
    """Call with a key from now on."""
    opened.client.headers["authorization"] = f"Bearer {key}"


async def renew(opened: Site, status: int = 201, name: str = NAME) -> Any:
    return await opened.send("POST", path(name=name), status=status)


async def completed(opened: Site, enrollment: str) -> dict[str, Any]:
    """Wait until something has come of a renewal; return it."""
    shown: dict[str, Any] = {}

    async def over() -> bool:
        shown.update(await opened.get(f"{ENROLLMENTS}/{enrollment}"))
        return bool(shown["enroll_status"] == "completed")

    await until(over)
    return shown


def unanswered(_: DeviceRequest) -> None:
    """Leave a request under way."""


@pytest.mark.usefixtures("serving")
async def test_a_device_is_asked_and_what_it_answers_is_shown(
    opened: Site, edge: PlayedEdge
) -> None:
    made = await renew(opened)
    assert set(made) == {
        *("object", "id", "device_id", "certificate_name", "enroll_status"),
        *("enroll_result", "enroll_result_detail", "created_at", "updated_at", "etag"),
    }
    assert (made["object"], made["device_id"]) == ("certificate-enrollment", DEVICE.id)
    assert (made["enroll_status"], made["enroll_result"]) == ("new", None)
    shown = await completed(opened, made["id"])
    assert (shown["enroll_result"], shown["enroll_result_detail"]) == ("success", None)
    assert shown["updated_at"] >= made["created_at"] == shown["created_at"]
    (asked,) = edge.asked
    assert (asked.method, asked.path) == (Method.POST, "/35011/0/27002")
    assert certificate_renewals.parse(asked.payload) == NAME
    assert asked.content_format == 0


@pytest.mark.usefixtures("serving")
async def test_a_failure_says_what_the_device_says(
    opened: Site, edge: PlayedEdge
) -> None:
    edge.answer = lambda _: Reply("2.04", b"1284", 0)
    made = await renew(opened)
    shown = await completed(opened, made["id"])
    assert shown["enroll_result"] == "failure"
    assert shown["enroll_result_detail"] == (
        "the device says: it has no such certificate (0x0504)"
    )


@pytest.mark.usefixtures("serving")
async def test_a_device_renews_one_certificate_at_a_time(
    opened: Site, edge: PlayedEdge
) -> None:
    edge.answer = unanswered
    made = await renew(opened)
    refused = await renew(opened, status=409, name="LWM2M")
    assert refused["type"] == "duplicate"

    async def asked() -> bool:
        return bool(edge.asked)

    await until(asked)
    await edge.complete(DEVICE.id, edge.asked[0], DONE)
    await completed(opened, made["id"])
    edge.answer = lambda _: DONE
    again = await renew(opened, name="LWM2M")
    assert (await completed(opened, again["id"]))["enroll_result"] == "success"
    assert len(edge.asked) == 2


async def test_a_device_that_is_not_connected_is_not_asked(
    opened: Site, engine: AsyncEngine
) -> None:
    known = fact(FactName.DEVICE_REGISTERED)
    await project([known], stored=DeviceStore(engine))
    refused = await opened.send("POST", path(device_of()), status=423)
    assert (refused["type"], refused["code"]) == ("locked", 423)
    assert refused["message"] == "the device is not registered"
    assert (await opened.get(ENROLLMENTS))["data"] == []


async def test_a_device_that_does_not_know_how_is_not_asked(
    opened: Site, edge: PlayedEdge
) -> None:
    await edge.register(DEVICE, 2, resources=sessions.RESOURCES)
    refused = await renew(opened, status=423)
    assert "no way to renew" in refused["message"]


@pytest.mark.usefixtures("serving")
async def test_a_device_that_leaves_has_not_renewed(
    opened: Site, edge: PlayedEdge
) -> None:
    edge.answer = unanswered
    location = await edge.register(DEVICE, 2, resources=RENEWS)
    made = await renew(opened)
    await edge.store.do(DEVICE.deregister(3, location))
    shown = await completed(opened, made["id"])
    assert shown["enroll_result"] == "failure"
    assert "registration" in shown["enroll_result_detail"]


@pytest.mark.usefixtures("serving")
async def test_a_request_that_is_lost_ends_its_enrollment(
    opened: Site, edge: PlayedEdge
) -> None:
    edge.answer = unanswered
    made = await renew(opened)
    await edge.store.redis.flushall()

    async def lost() -> bool:
        headers = await opened.allow(KEY, ACCOUNT)
        answer = await opened.client.get(f"{ENROLLMENTS}/{made['id']}", headers=headers)
        shown = answer.json()
        return bool(
            (shown["enroll_result"], shown["enroll_result_detail"])
            == ("failure", "the request was lost")
        )

    await until(lost)


async def test_what_waits_for_a_device_is_bounded(
    opened: Site, edge: PlayedEdge
) -> None:
    edge.answer = unanswered
    for number in range(20):
        (outcome,) = await edge.store.do(DEVICE.enqueue(f"{number}"))
        assert outcome.result is Result.QUEUED
    refused = await renew(opened, status=429)
    assert refused["type"] == "too_many_requests"
    assert (await opened.get(ENROLLMENTS))["data"] == []


async def test_what_the_factory_made_cannot_be_renewed(
    opened: Site, edge: PlayedEdge
) -> None:
    refused = await renew(opened, status=400, name="mbed.BootstrapDeviceCert")
    assert refused["fields"][0]["field"] == "certificate_name"
    assert "no issuer" in refused["fields"][0]["message"]
    assert not edge.asked


@pytest.mark.parametrize("name", ["lwm2m", "dlms", "a.b.c.d.e.f.g.h"])
async def test_a_name_that_no_certificate_has_is_not_there(
    opened: Site, edge: PlayedEdge, name: str
) -> None:
    await renew(opened, status=404, name=name)
    assert not edge.asked


async def test_a_device_of_another_account_is_not_there(
    opened: Site, edge: PlayedEdge
) -> None:
    made = await renew(opened)
    use(opened, OTHER_KEY)
    await renew(opened, status=404)
    await opened.send("GET", f"{ENROLLMENTS}/{made['id']}", status=404)
    assert (await opened.get(ENROLLMENTS))["data"] == []


async def test_a_reader_may_look_and_not_ask(opened: Site, edge: PlayedEdge) -> None:
    use(opened, READING_KEY)
    refused = await renew(opened, status=403)
    assert refused["type"] == "unauthorized"
    assert (await opened.get(ENROLLMENTS))["data"] == []
    assert not edge.asked


@pytest.mark.usefixtures("serving")
async def test_enrollments_are_found_by_what_is_known_of_them(
    opened: Site, edge: PlayedEdge
) -> None:
    first = await completed(opened, (await renew(opened))["id"])
    edge.answer = lambda _: Reply("4.04", b"", None)
    second = await completed(opened, (await renew(opened, name="LWM2M"))["id"])
    assert second["enroll_result_detail"] == "the device answered 4.04"

    async def found(**wanted: str) -> list[str]:
        page = await opened.get(ENROLLMENTS, **wanted)
        return [each["id"] for each in page["data"]]

    assert await found() == [first["id"], second["id"]]
    assert await found(order="DESC", limit="2") == [second["id"], first["id"]]
    assert await found(after=first["id"]) == [second["id"]]
    assert await found(device_id__eq=DEVICE.id) == [first["id"], second["id"]]
    assert await found(device_id__eq="0" * 32) == []
    assert await found(certificate_name__eq="LWM2M") == [second["id"]]
    assert await found(enroll_status__eq="completed", enroll_result__neq="success") == [
        second["id"]
    ]
    assert await found(enroll_status__neq="completed") == []
    assert await found(created_at__gte=second["created_at"]) == [second["id"]]
    assert await found(updated_at__lte=first["updated_at"]) == [first["id"]]
    assert await found(filter="enroll_result__eq=failure") == [second["id"]]
    total = await opened.total(ENROLLMENTS, enroll_result__eq="success")
    assert total == 1


@pytest.mark.parametrize("name", ["created_at__eq", "id__eq", "enroll_status__in"])
async def test_a_filter_that_is_not_known_is_named_as_a_field(
    opened: Site, name: str
) -> None:
    answer = await opened.client.get(ENROLLMENTS, params={name: "new"})
    assert answer.status_code == 400
    (wrong,) = answer.json()["fields"]
    assert set(wrong) == {"field", "message"}
    assert wrong["field"] == name


async def test_what_is_over_for_long_is_forgotten(
    opened: Site, edge: PlayedEdge, engine: AsyncEngine
) -> None:
    made = await renew(opened)
    stored = EnrollmentStore(engine, days=1)
    later = datetime.now(UTC) + timedelta(days=2)
    await stored.forget(now=later)
    assert await opened.get(f"{ENROLLMENTS}/{made['id']}") == made
    (enrollment,) = await stored.older_than(timedelta(0))
    assert await stored.lose(enrollment, now=datetime.now(UTC))
    assert not await stored.lose(enrollment, now=later)
    await stored.forget(now=later)
    await opened.send("GET", f"{ENROLLMENTS}/{made['id']}", status=404)
