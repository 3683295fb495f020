"""Named consumers: each has its own selection and its own place in the stream."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from homeport.events import streams, subjects
from homeport.events.facts import FactName
from homeport.events.streams import StreamLimits
from homeport.names import AccountId
from tests.support.event_streams import source
from tests.support.notifier import Site, deregistrations, event, site

pytestmark = pytest.mark.integration

CONSUMERS = "/v2/notification/consumers"
OTHER_KEY, OTHER_ID, OTHER_ACCOUNT = (
    "ak_1" + "f" * 60,
    "f" * 32,
    AccountId("c" * 32),
)


@pytest.fixture
async def opened(
    redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    async with site(redis_url, nats_url, postgres_url, consumers_per_account=3) as made:
        yield made


async def put(opened: Site, name: str, **body: object) -> httpx.Response:
    return await opened.client.put(f"{CONSUMERS}/{name}", json=body)


async def get(opened: Site, name: str) -> Any:
    answer = await opened.client.get(f"{CONSUMERS}/{name}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_consumer_is_made_once_and_then_set_again(opened: Site) -> None:
    made = await put(opened, "ware.house-1", facts=["device.registered"])
    assert made.status_code == 201
    again = await put(
        opened, "ware.house-1", paths=["3303//0/5700", "/1/*"], groups=["F" * 32]
    )
    assert again.status_code == 200
    assert again.json() == {
        **made.json(),
        "facts": [],
        "groups": ["f" * 32],
        "paths": ["/1/*", "/3303/0/5700"],
    }
    assert made.json()["created_at"].endswith("Z")


async def test_all_of_it_may_be_left_out(opened: Site) -> None:
    answer = await opened.client.put(f"{CONSUMERS}/all")
    assert answer.status_code == 201


async def test_it_begins_when_it_is_made(opened: Site) -> None:
    await opened.happen(*deregistrations(3))
    await put(opened, "all")
    assert (await get(opened, "all"))["waiting"] == 0
    await opened.happen(*deregistrations(2, start=3))
    assert (await get(opened, "all"))["waiting"] == 2


async def test_it_may_begin_with_the_first_event_that_is_kept(opened: Site) -> None:
    await opened.happen(*deregistrations(3))
    await put(opened, "all", start="first")
    assert (await get(opened, "all"))["waiting"] == 3


async def test_it_may_begin_at_a_time(opened: Site) -> None:
    await opened.happen(*deregistrations(3))
    stream = await opened.nats.jetstream().get_msg(subjects.STREAM, 3)
    assert stream.time is not None
    await put(opened, "late", start=stream.time.isoformat())
    assert (await get(opened, "late"))["waiting"] <= 3
    hour = timedelta(hours=1)
    await put(opened, "early", start=(datetime.now(UTC) - hour).isoformat())
    assert (await get(opened, "early"))["waiting"] == 3


async def test_what_waits_is_counted_by_the_facts_that_are_selected(
    opened: Site,
) -> None:
    await put(opened, "some", facts=["device.registered", "registration.expired"])
    await opened.happen(
        *deregistrations(3), event(FactName.REGISTRATION_EXPIRED, 1, device="late")
    )
    assert (await get(opened, "some"))["waiting"] == 1


async def test_a_place_may_be_confirmed_and_gone_back_to(opened: Site) -> None:
    await put(opened, "all")
    await opened.happen(*deregistrations(4))
    path = f"{CONSUMERS}/all/cursor"
    assert (await opened.client.put(path, json={"sequence": 3})).status_code == 204
    assert (await get(opened, "all"))["waiting"] == 1
    assert (await opened.client.put(path, json={"start": "first"})).status_code == 204
    assert (await get(opened, "all"))["waiting"] == 4
    assert (await opened.client.put(path, json={"start": "now"})).status_code == 204
    assert (await get(opened, "all"))["waiting"] == 0


async def test_a_place_that_is_none_is_refused(opened: Site) -> None:
    await put(opened, "all")
    for body, word in (
        ({"sequence": 99}, "INVALID_SEQUENCE"),
        ({"sequence": -1}, "INVALID_SEQUENCE"),
        ({"start": "then"}, "INVALID_START"),
        ({"start": "2026-11-24T14:20:05"}, "INVALID_START"),
        ({}, "MALFORMED_JSON_CONTENT"),
        ({"sequence": 1, "start": "now"}, "MALFORMED_JSON_CONTENT"),
    ):
        answer = await opened.client.put(f"{CONSUMERS}/all/cursor", json=body)
        assert (answer.status_code, answer.text) == (400, word)


async def test_a_wrong_selection_is_refused(opened: Site) -> None:
    for body, word in (
        ({"facts": ["device.sold"]}, "UNKNOWN_FACT"),
        ({"devices": ["urn:dev:1"]}, "INVALID_DEVICES"),
        ({"groups": ["kettles"]}, "INVALID_GROUPS"),
        ({"groups": [f"{number:032x}" for number in range(11)]}, "INVALID_GROUPS"),
        ({"paths": [""]}, "INVALID_PATHS"),
        ({"start": "soon"}, "INVALID_START"),
        ("{", "MALFORMED_JSON_CONTENT"),
    ):
        answer = await opened.client.put(f"{CONSUMERS}/all", json=body)
        assert (answer.status_code, answer.text) == (400, word)


async def test_a_wrong_name_is_refused(opened: Site) -> None:
    for name in ("-a", "a b", "a" * 65, "ä"):
        answer = await put(opened, name)
        assert (answer.status_code, answer.text) == (400, "INVALID_CONSUMER_NAME")


async def test_an_account_has_a_bounded_number(opened: Site) -> None:
    for name in ("a", "b", "c"):
        assert (await put(opened, name)).status_code == 201
    answer = await put(opened, "d")
    assert (answer.status_code, answer.text) == (400, "TOO_MANY_CONSUMERS")
    assert (await put(opened, "c")).status_code == 200


async def test_they_are_listed_page_by_page(opened: Site) -> None:
    for name in ("b", "a", "c"):
        await put(opened, name)
    page = (await opened.client.get(CONSUMERS, params={"limit": 2})).json()
    assert [each["name"] for each in page["data"]] == ["a", "b"]
    assert (page["has_more"], page["limit"], page["after"]) == (True, 2, None)
    rest = await opened.client.get(CONSUMERS, params={"after": "b"})
    assert [each["name"] for each in rest.json()["data"]] == ["c"]
    wrong = await opened.client.get(CONSUMERS, params={"limit": "x"})
    assert (wrong.status_code, wrong.text) == (400, "INVALID_LIMIT")


async def test_a_removed_one_is_gone_with_its_place(opened: Site) -> None:
    await put(opened, "all", start="first")
    assert (await opened.client.delete(f"{CONSUMERS}/all")).status_code == 204
    answer = await opened.client.get(f"{CONSUMERS}/all")
    assert (answer.status_code, answer.text) == (404, "CONSUMER_NOT_FOUND")
    assert (await opened.client.delete(f"{CONSUMERS}/all")).status_code == 404
    assert not await opened.query("SELECT * FROM notifier.cursors")


async def test_accounts_do_not_see_each_others(opened: Site) -> None:
    await put(opened, "all", start="first")
    await opened.happen(*deregistrations(2), *deregistrations(3, account=OTHER_ACCOUNT))
    other = await opened.allow(OTHER_KEY, OTHER_ID, account=OTHER_ACCOUNT)
    client = opened.client
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("PUT", "/cursor"),
        ("GET", "/events"),
    ):
        body = {"sequence": 1} if method == "PUT" else None
        answer = await client.request(
            method, f"{CONSUMERS}/all{path}", json=body, headers=other
        )
        assert (answer.status_code, answer.text) == (404, "CONSUMER_NOT_FOUND")
    made = await client.put(f"{CONSUMERS}/all", json={"start": "first"}, headers=other)
    assert (made.status_code, made.json()["waiting"]) == (201, 3)
    assert (await get(opened, "all"))["waiting"] == 2


async def test_a_key_that_may_only_look_may_only_look(opened: Site) -> None:
    await put(opened, "all")
    reader = await opened.allow("ak_1" + "e" * 60, "e" * 32, role="reader")
    client = opened.client
    looked = await client.get(f"{CONSUMERS}/all", headers=reader)
    assert looked.status_code == 200
    for method, path in (
        ("PUT", "/all"),
        ("DELETE", "/all"),
        ("PUT", "/all/cursor"),
        ("GET", "/all/events"),
    ):
        answer = await client.request(method, CONSUMERS + path, headers=reader)
        assert (answer.status_code, answer.text) == (403, "FORBIDDEN")


async def test_what_left_the_stream_untaken_is_counted(opened: Site) -> None:
    await put(opened, "all")
    await opened.happen(*deregistrations(10))
    assert (await get(opened, "all"))["dropped"] == 0
    jetstream = opened.nats.jetstream()
    await jetstream.purge_stream(subjects.STREAM, keep=4)
    await opened.happen(*deregistrations(1, start=10))
    lost = await get(opened, "all")
    assert (lost["dropped"], lost["waiting"]) == (6, 5)
    again = await get(opened, "all")
    assert (again["dropped"], again["waiting"]) == (6, 5)


async def test_nothing_is_lost_where_other_accounts_events_leave(
    opened: Site,
) -> None:
    await put(opened, "all")
    await opened.happen(*deregistrations(10, account=OTHER_ACCOUNT))
    await opened.nats.jetstream().purge_stream(subjects.STREAM)
    await opened.happen(*deregistrations(2))
    found = await get(opened, "all")
    assert (found["dropped"], found["waiting"]) == (0, 2)


async def test_a_stream_that_was_lost_is_read_from_its_beginning(
    opened: Site,
) -> None:
    await opened.happen(*deregistrations(5))
    await put(opened, "all")
    jetstream = opened.nats.jetstream()
    await jetstream.delete_stream(subjects.STREAM)
    await streams.ensure(jetstream, StreamLimits())
    await opened.happen(*deregistrations(2, start=5))
    assert (await get(opened, "all"))["waiting"] == 2
    async with source(opened.url, "all", last_id="5") as reading:
        assert [each.id for each in await reading.take(2)] == ["1", "2"]
