"""Asking devices by REST, and the async responses that come of it (R-82 .. R-93)."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from homeport.events import subjects
from homeport.names import AccountId
from homeport.protocol.device_requests import DeviceRequest, Method
from homeport.store import values
from homeport.store.requests import Complete
from homeport.store.values import LastValue
from services.notifier.device_requests.requests import Requests
from tests.support.downlink import PlayedEdge, Reply, played_edge
from tests.support.notifier import Site, responses, site
from tests.support.polling import until
from tests.support.sessions import Device, device

pytestmark = pytest.mark.integration

DEVICE = device()
STRANGER = AccountId("f" * 32)
PATH = f"/v2/device-requests/{DEVICE.id}"
READ = {"method": "GET", "uri": "/3/0/9"}


@pytest.fixture
async def opened(
    redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    async with (
        site(redis_url, nats_url, postgres_url, channel_poll_seconds=0.3) as made,
        made.running(),
    ):
        await made.listen()
        yield made


@pytest.fixture
async def edge(opened: Site) -> AsyncIterator[PlayedEdge]:
    """An edge at which DEVICE has registered."""
    async with played_edge(opened.settings.redis_url, opened.nats) as made:
        await made.register(DEVICE)
        yield made


async def ask(opened: Site, async_id: str = "1", **body: Any) -> httpx.Response:
    return await opened.client.post(
        PATH, params={"async-id": async_id}, json=body or READ
    )


async def refused(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.status_code, answer.text


async def rows(opened: Site) -> int:
    return len(await opened.query("SELECT FROM notifier.open_requests"))


def value(*, fresh_until: int, payload: bytes = b"7") -> LastValue:
    return LastValue(0, payload, 1, fresh_until)


async def test_what_a_device_answers_comes_by_the_channel(
    opened: Site, edge: PlayedEdge
) -> None:
    async with opened.socket() as socket:
        answer = await ask(opened, "mine_1-a")
        assert (answer.status_code, answer.content) == (202, b"")
        assert await responses(socket, 1) == [
            {
                "id": "mine_1-a",
                "status": 200,
                "payload": b64encode(b"42").decode(),
                "ct": "text/plain",
                "max-age": 60,
            }
        ]
    (asked,) = edge.asked
    assert (asked.method, asked.path, asked.retries) == (Method.GET, "/3/0/9", 0)


async def test_a_request_says_all_that_its_caller_has_said(
    opened: Site, edge: PlayedEdge
) -> None:
    answer = await opened.client.post(
        PATH + "/",
        params={"async-id": "1", "retry": "3", "expiry-seconds": "60"},
        json={
            "method": "PUT",
            "uri": "/3/0/9?pmin=10&gt=1%2E5",
            "accept": "application/senml+json",
            "content-type": "application/vnd.oma.lwm2m+tlv",
            "payload-b64": "AQID",
            "unknown": 1,
        },
    )
    assert answer.status_code == 202

    async def arrived() -> object:
        return edge.asked

    await until(arrived)
    (asked,) = edge.asked
    assert (asked.method, asked.queries) == (Method.PUT, ("pmin=10", "gt=1.5"))
    assert (asked.accept, asked.content_format) == (110, 11542)
    assert (asked.payload, asked.retries) == (b"\x01\x02\x03", 3)


@pytest.mark.conforms("C-157", "C-160")
@pytest.mark.parametrize("method", [Method.FETCH, Method.IPATCH])
async def test_several_paths_are_asked_for_at_once(
    opened: Site, edge: PlayedEdge, method: Method
) -> None:
    paths = b'[{"n":"/3/0/9"},{"n":"/3/0/99"}]'
    body = {
        "method": method.value,
        "uri": "/",
        "content-type": "application/senml+json",
        "payload-b64": b64encode(paths).decode(),
    }
    async with opened.socket() as socket:
        assert (await ask(opened, **body)).status_code == 202
        (response,) = await responses(socket, 1)
    assert (response["id"], response["status"]) == ("1", 200)
    (asked,) = edge.asked
    assert (asked.method, asked.path, asked.payload) == (method, "/", paths)
    assert asked.content_format == 110


async def test_a_sleeping_device_has_more_time_and_two_retries(
    opened: Site, edge: PlayedEdge
) -> None:
    await edge.register(DEVICE, 2, queue_mode=1)
    edge.answer = lambda _: None
    await ask(opened)

    async def arrived() -> object:
        return edge.asked

    await until(arrived)
    (asked,) = edge.asked
    now = edge.store.clock.microseconds(edge.store.clock.now()) // 1000
    assert asked.retries == 2
    assert abs(asked.expires_at - now - 3 * 86_400_000) < 60_000


async def test_what_is_wrong_is_said_in_a_word(opened: Site, edge: PlayedEdge) -> None:
    asked = {"async-id": "1"}
    for params, word in (
        ({}, "MALFORMED_ASYNC_ID"),
        (asked | {"retry": "11"}, "INVALID_RETRY"),
        (asked | {"expiry-seconds": "59"}, "INVALID_EXPIRY_SECONDS"),
    ):
        answer = await opened.client.post(PATH, params=params, json=READ)
        assert await refused(answer) == (400, word)
    for body in (b"", b"{", b"[]", b'"' + b"a" * 1_500_000 + b'"'):
        answer = await opened.client.post(PATH, params=asked, content=body)
        assert await refused(answer) == (400, "MALFORMED_JSON_CONTENT")
    answer = await opened.client.post(
        PATH, params=asked, content=b"x", headers={"content-type": "text/plain"}
    )
    assert await refused(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert not edge.asked


async def test_a_resource_that_is_not_listed_is_not_asked_for(
    opened: Site, edge: PlayedEdge
) -> None:
    answer = await ask(opened, method="GET", uri="/3/0/5")
    assert await refused(answer) == (400, "RESOURCE_NOT_FOUND")
    assert await rows(opened) == 0


async def test_a_device_that_has_left_is_known_and_not_connected(
    opened: Site, edge: PlayedEdge
) -> None:
    location = await edge.register(DEVICE, 2)
    await edge.store.do(DEVICE.deregister(3, location))

    async def left() -> bool:
        return (await ask(opened)).text == "DEVICE_NOT_CONNECTED"

    await until(left)
    assert (await ask(opened)).status_code == 400


async def test_a_device_that_there_is_not_is_not_found(
    opened: Site, edge: PlayedEdge
) -> None:
    for identity in ("0" * 32, "x", DEVICE.id + "0"):
        answer = await opened.client.post(
            f"/v2/device-requests/{identity}", params={"async-id": "1"}, json=READ
        )
        assert await refused(answer) == (404, "DEVICE_NOT_FOUND")
    theirs = await opened.allow("ak_1other", "c" * 32, account=STRANGER)
    answer = await opened.client.post(
        PATH, params={"async-id": "1"}, json=READ, headers=theirs
    )
    assert await refused(answer) == (404, "DEVICE_NOT_FOUND")
    assert not edge.asked


async def test_nobody_else_hears_of_a_request(opened: Site, edge: PlayedEdge) -> None:
    other = await opened.allow("ak_1other", "c" * 32)
    await opened.client.put("/v2/notification/websocket", headers=other)
    async with opened.socket(key="ak_1other") as socket:
        await ask(opened, "mine")
        await opened.client.post(
            PATH, params={"async-id": "theirs"}, json=READ, headers=other
        )
        assert [each["id"] for each in await responses(socket, 1)] == ["theirs"]


async def test_a_reader_asks_for_nothing(opened: Site, edge: PlayedEdge) -> None:
    reader = await opened.allow("ak_1reader", "c" * 32, role="reader")
    answer = await opened.client.post(
        PATH, params={"async-id": "1"}, json=READ, headers=reader
    )
    assert await refused(answer) == (403, "FORBIDDEN")


@pytest.mark.conforms("C-119", "R-86")
async def test_the_twenty_first_request_finds_the_queue_full(
    opened: Site, edge: PlayedEdge
) -> None:
    edge.answer = lambda _: None
    for number in range(20):
        assert (await ask(opened, f"n{number}")).status_code == 202
    assert await refused(await ask(opened, "n20")) == (400, "QUEUE_IS_FULL")
    assert await rows(opened) == 20


@pytest.mark.conforms("C-118", "B-170")
async def test_requests_are_delivered_in_order(opened: Site, edge: PlayedEdge) -> None:
    async with opened.socket() as socket:
        for number in range(10):
            await ask(opened, f"n{number}", method="PUT", uri=f"/3/0/9?pmin={number}")
        told = await responses(socket, 10)
    assert [each["id"] for each in told] == [f"n{number}" for number in range(10)]
    assert [each.queries for each in edge.asked] == [
        (f"pmin={number}",) for number in range(10)
    ]


async def test_an_async_id_that_is_open_is_not_asked_for_twice(
    opened: Site, edge: PlayedEdge
) -> None:
    held: list[DeviceRequest] = []

    def hold(request: DeviceRequest) -> Reply | None:
        held.append(request)
        return None

    edge.answer = hold
    async with opened.socket() as socket:
        answers = await asyncio.gather(*(ask(opened, "same") for _ in range(5)))
        assert {answer.status_code for answer in answers} == {202}

        async def taken() -> object:
            return held

        await until(taken)
        await edge.complete(DEVICE.id, held[0], Reply())
        assert len(await responses(socket, 1)) == 1
        edge.answer = lambda _: Reply()
        assert (await ask(opened, "same")).status_code == 202
        assert len(await responses(socket, 1)) == 1
    assert len({request.id for request in edge.asked}) == 2


async def test_a_request_of_a_replica_that_died_is_told_to_the_edge_when_repeated(
    opened: Site, edge: PlayedEdge, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(Requests, "_tell_edge", dies)
        with pytest.raises(RuntimeError, match="killed"):
            await ask(opened, "same")
    async with opened.socket() as socket:
        assert (await ask(opened, "same")).status_code == 202
        assert len(await responses(socket, 1)) == 1
    assert len(edge.asked) == 1


async def test_a_value_that_holds_still_answers_without_the_device(
    opened: Site, edge: PlayedEdge
) -> None:
    async with opened.socket() as socket:
        await keep(edge, value(fresh_until=2**45))
        await ask(opened, "cached")
        (told,) = await responses(socket, 1)
        assert told["payload"] == b64encode(b"7").decode()
        assert not edge.asked
        await ask(opened, "other format", **READ, accept="application/senml+json")
        await ask(opened, "written", method="PUT", uri="/3/0/9")
        await responses(socket, 1)
    assert [each.method for each in edge.asked] == [Method.PUT]


async def test_a_response_is_decoded_for_those_who_want_that(
    opened: Site, edge: PlayedEdge
) -> None:
    await opened.listen(cfg={"include_values": True})
    async with opened.socket() as socket:
        await ask(opened)
        (told,) = await responses(socket, 1)
    assert told["values"] == {"/3/0/9": 42}


async def test_what_is_answered_at_once_is_published_at_once(
    opened: Site, edge: PlayedEdge
) -> None:
    bell: asyncio.Queue[object] = asyncio.Queue()
    await opened.nats.subscribe(subjects.outbox(DEVICE.bucket), cb=bell.put)
    await opened.nats.flush()
    await keep(edge, value(fresh_until=2**45))
    await ask(opened, "cached")
    await asyncio.wait_for(bell.get(), 10)


async def test_a_value_that_is_too_old_is_asked_for_again(
    opened: Site, edge: PlayedEdge
) -> None:
    async with opened.socket() as socket:
        await keep(edge, value(fresh_until=1))
        await ask(opened)
        (told,) = await responses(socket, 1)
    assert told["payload"] == b64encode(b"42").decode()


async def keep(edge: PlayedEdge, last: LastValue) -> None:
    """Have the device say a value."""
    asked = DeviceRequest("-1", "", "", Method.GET, "/3/0/9")
    await edge.store.do(
        DEVICE.enqueue(asked.id),
        Complete(
            DEVICE.bucket,
            DEVICE.id,
            asked.id,
            ',"outcome":"answered","code":"2.05"',
            path=asked.path,
            value=values.build(last),
        ),
    )


async def test_a_registration_that_ends_ends_its_requests(
    opened: Site, edge: PlayedEdge
) -> None:
    edge.answer = lambda _: None
    async with opened.socket() as socket:
        await ask(opened, "1")
        location = await edge.register(DEVICE, 2)
        await ask(opened, "2")
        await edge.store.do(DEVICE.deregister(3, location))
        assert await responses(socket, 2) == [
            {
                "id": async_id,
                "status": 429,
                "error": "DEVICE_REMOVED_REGISTRATION",
                "payload": "",
            }
            for async_id in ("1", "2")
        ]


async def test_rows_of_requests_that_are_over_go(
    opened: Site, edge: PlayedEdge
) -> None:
    async with opened.socket() as socket:
        await ask(opened)
        await responses(socket, 1)

    async def gone() -> bool:
        return await rows(opened) == 0

    await until(gone)


async def test_another_device_does_not_wait(opened: Site, edge: PlayedEdge) -> None:
    other: Device = device("urn:dev:2")
    await edge.register(other)
    edge.answer = lambda request: None if request.async_id == "slow" else Reply()
    async with opened.socket() as socket:
        await ask(opened, "slow")
        await opened.client.post(
            f"/v2/device-requests/{other.id}", params={"async-id": "fast"}, json=READ
        )
        assert [each["id"] for each in await responses(socket, 1)] == ["fast"]
