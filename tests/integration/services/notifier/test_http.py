"""The REST routes of a notification channel."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.notifier import KEY, Site, deregistrations, site
from tests.support.webhook import CLOSE, ENDLESS, HANG, Never, Webhook, webhook

pytestmark = pytest.mark.integration

CALLBACK = "/v2/notification/callback"


@pytest.fixture
async def opened(
    redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    async with site(
        redis_url, nats_url, postgres_url, webhook_timeout_seconds=0.5
    ) as made:
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[Webhook]:
    async with webhook() as made:
        yield made


async def test_a_callback_is_tried_stored_and_its_events_are_kept(
    opened: Site, receiver: Webhook
) -> None:
    headers = {"X-Token": "secret"}
    answer = await opened.client.put(
        CALLBACK, json={"url": receiver.url, "headers": headers}
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert [(call.method, call.body) for call in receiver.calls] == [("PUT", b"{}")]
    assert receiver.calls[0].headers["x-token"] == "secret"
    assert receiver.calls[0].headers["content-type"] == "application/json"
    read = await opened.client.get(CALLBACK)
    assert read.status_code == 200
    assert read.json() == {
        "url": receiver.url,
        "headers": headers,
        "serialization": {
            "type": "v2",
            "max_chunk_size": 10_000,
            "cfg": {
                "deregistrations_as_object": False,
                "include_uid": False,
                "include_timestamp": False,
                "include_original_ep": False,
                "include_values": False,
            },
        },
    }
    kind = await opened.client.get("/v2/notification/channel")
    assert kind.json() == {"delivery_mechanism": "CALLBACK"}
    await opened.happen(*deregistrations(2))
    backlog = await opened.client.get("/v2/notification/channel/backlog")
    assert backlog.json() == {"waiting": 2, "dropped": 0}


async def test_setting_it_again_replaces_it(opened: Site, receiver: Webhook) -> None:
    await opened.subscribe(receiver.url)
    await opened.subscribe(receiver.url + "/2", serialization={"max_chunk_size": "100"})
    read = (await opened.client.get(CALLBACK)).json()
    assert read["url"] == receiver.url + "/2"
    assert read["serialization"]["max_chunk_size"] == 100


async def test_without_a_channel_there_is_nothing_to_read_or_delete(
    opened: Site, receiver: Webhook
) -> None:
    for path in (CALLBACK, "/v2/notification/channel"):
        answer = await opened.client.get(path)
        assert (answer.status_code, answer.text) == (404, "CHANNEL_NOT_FOUND")
    assert (await opened.client.delete(CALLBACK)).status_code == 404
    await opened.subscribe(receiver.url)
    assert (await opened.client.delete(CALLBACK)).status_code == 204
    assert (await opened.client.get(CALLBACK)).status_code == 404


async def test_another_key_has_another_channel(opened: Site, receiver: Webhook) -> None:
    await opened.subscribe(receiver.url)
    other = await opened.allow("ak_1other", "c" * 32)
    assert (await opened.client.get(CALLBACK, headers=other)).status_code == 404
    assert (await opened.client.delete(CALLBACK, headers=other)).status_code == 404
    assert (await opened.client.get(CALLBACK)).status_code == 200


@pytest.mark.parametrize("path", ["/v2//notification/callback", CALLBACK + "/"])
async def test_empty_segments_do_not_count(opened: Site, path: str) -> None:
    answer = await opened.client.get(path)
    assert (answer.status_code, answer.text) == (404, "CHANNEL_NOT_FOUND")


@pytest.mark.parametrize(
    ("presented", "status"),
    [
        ("", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Basic " + KEY, 401),
        ("Bearer ak_1unknown", 401),
        ("Bearer eyJhbGciOiJIUzI1NiJ9", 403),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_call_needs_a_key(
    opened: Site, method: str, presented: str, status: int
) -> None:
    answer = await opened.client.request(
        method, CALLBACK, headers={"authorization": presented}, content=b"{"
    )
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/plain")
    assert len(answer.headers["x-request-id"]) == 32


async def test_a_reader_may_look_and_not_change(
    opened: Site, receiver: Webhook
) -> None:
    reader = await opened.allow("ak_1reader", "c" * 32, role="reader")
    put = await opened.client.put(CALLBACK, json={"url": receiver.url}, headers=reader)
    assert (put.status_code, put.text) == (403, "FORBIDDEN")
    assert (await opened.client.delete(CALLBACK, headers=reader)).status_code == 403
    assert (await opened.client.get(CALLBACK, headers=reader)).status_code == 404


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "MALFORMED_JSON_CONTENT"),
        (b"[]", "MALFORMED_JSON_CONTENT"),
        (b'{"url":', "MALFORMED_JSON_CONTENT"),
        (b" " * 70_000, "MALFORMED_JSON_CONTENT"),
        (b"{}", "INVALID_URL"),
        (b'{"url":"ftp://127.0.0.1"}', "INVALID_URL"),
        (b'{"url":"http://127.0.0.1\\u0000"}', "INVALID_URL"),
        (b'{"url":"http://127.0.0.1","headers":7}', "INVALID_HEADERS"),
        (
            b'{"url":"http://127.0.0.1/%s"}' % (b"x" * 400),
            "URL_AND_HEADERS_TOO_LONG",
        ),
        (
            b'{"url":"http://127.0.0.1","serialization":{"type":"v3"}}',
            "INVALID_SERIALIZATION",
        ),
    ],
)
async def test_a_bad_body_is_one_word(opened: Site, body: bytes, word: str) -> None:
    answer = await opened.client.put(
        CALLBACK, content=body, headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.text) == (400, word)


async def test_a_body_has_to_be_json(opened: Site) -> None:
    answer = await opened.client.put(
        CALLBACK, content=b"<url/>", headers={"content-type": "text/xml"}
    )
    assert (answer.status_code, answer.text) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("wrong", [500, 404, 301, 307, 202, HANG, CLOSE], ids=str)
async def test_a_webhook_that_does_not_accept_is_refused(
    opened: Site, receiver: Webhook, wrong: int | Never
) -> None:
    receiver.answer = wrong
    if wrong in (301, 307):
        receiver.redirect = receiver.url
    answer = await opened.client.put(CALLBACK, json={"url": receiver.url})
    assert (answer.status_code, answer.text) == (400, "CALLBACK_NOT_ACCEPTED")
    assert (await opened.client.get(CALLBACK)).status_code == 404
    assert len(receiver.calls) == 1


async def test_a_webhook_that_answers_without_end_is_not_listened_to(
    opened: Site, receiver: Webhook
) -> None:
    receiver.answer = ENDLESS
    await opened.subscribe(receiver.url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://nowhere.invalid/", "https://127.0.0.1:1/"]
)
async def test_a_webhook_that_nobody_serves_is_refused(opened: Site, url: str) -> None:
    answer = await opened.client.put(CALLBACK, json={"url": url})
    assert (answer.status_code, answer.text) == (400, "CALLBACK_NOT_ACCEPTED")


async def test_a_refused_replacement_leaves_the_channel(
    opened: Site, receiver: Webhook
) -> None:
    await opened.subscribe(receiver.url)
    receiver.answer = 500
    answer = await opened.client.put(CALLBACK, json={"url": receiver.url + "/2"})
    assert answer.status_code == 400
    assert (await opened.client.get(CALLBACK)).json()["url"] == receiver.url


async def test_what_is_set_many_times_at_once_is_one_channel(
    opened: Site, receiver: Webhook
) -> None:
    urls = [f"{receiver.url}/{number}" for number in range(10)]
    await asyncio.gather(*(opened.subscribe(url) for url in urls))
    assert (await opened.client.get(CALLBACK)).json()["url"] in urls


async def test_no_cookie_of_a_webhook_is_kept(opened: Site, receiver: Webhook) -> None:
    await opened.subscribe(receiver.url)
    await opened.subscribe(receiver.url)
    assert "cookie" not in receiver.calls[1].headers


async def test_a_refused_call_is_found_in_the_log_by_the_id_of_its_answer(
    opened: Site,
) -> None:
    with capture_logs() as logged:
        answer = await opened.client.put(CALLBACK, content=b"{")
    (line,) = [each for each in logged if each["event"] == "call refused"]
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert (line["call"], line["word"]) == (f"PUT {CALLBACK}", answer.text)


async def test_what_is_not_served_is_one_word(opened: Site) -> None:
    unknown = await opened.client.get("/v2/notification/nothing")
    assert (unknown.status_code, unknown.text) == (404, "NOT_FOUND")
    posted = await opened.client.post(CALLBACK)
    assert (posted.status_code, posted.text) == (405, "METHOD_NOT_ALLOWED")


async def test_the_page_of_the_routes_says_what_a_callback_is(opened: Site) -> None:
    page: Any = (await opened.client.get("/v2/notification/openapi.json")).json()
    put = page["paths"][CALLBACK]["put"]
    schema = put["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["properties"]) == {
        "url",
        "headers",
        "signing_secret",
        "serialization",
    }
    assert put["security"]
