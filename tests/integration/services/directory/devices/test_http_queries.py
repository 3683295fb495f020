"""Saved queries."""

import pytest

from tests.support.directory import ACCOUNT, OTHER_ACCOUNT, Site

pytestmark = pytest.mark.integration

QUERIES = "/v3/device-queries"
BODY = {"name": "here", "query": "state=registered&created_at__gte=20260101T000000Z"}


async def create(opened: Site, **changed: object) -> str:
    made = await opened.send("POST", f"{QUERIES}/", BODY | changed, status=201)
    return f"{QUERIES}/{made['id']}"


async def test_a_query_is_saved_as_it_was_said(opened: Site) -> None:
    query = await create(opened)
    shown = await opened.get(query)
    assert shown["object"] == "device-query"
    assert {name: shown[name] for name in BODY} == BODY
    assert shown["etag"] == shown["updated_at"] == shown["created_at"]
    assert (await opened.get(QUERIES))["data"] == [shown]
    found = await opened.get("/v3/devices", filter=shown["query"])
    assert found["data"] == []


async def test_a_query_is_replaced_and_forgotten(opened: Site) -> None:
    query = await create(opened)
    after = {"name": "gone", "query": "state__eq=deregistered"}
    changed = await opened.send("PUT", query, after)
    assert {name: changed[name] for name in after} == after
    await opened.send("DELETE", query, status=204)
    for method in ("GET", "PUT", "DELETE"):
        await opened.send(method, query, after, status=404)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", ""),
        ("name", "n" * 201),
        ("name", None),
        ("query", ""),
        ("query", None),
        ("query", "state=" + "x" * 1000),
        ("query", "colour=red"),
        ("query", "state__like=reg"),
    ],
)
async def test_what_is_wrong_is_refused_by_name(
    opened: Site, member: str, value: object
) -> None:
    refused = await opened.send("POST", QUERIES, BODY | {member: value}, status=400)
    assert refused["fields"][0]["name"] == member


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("name__eq=here", 1),
        ("query__neq=state%3Dregistered", 2),
        ("created_at__gte=20200101T000000Z", 2),
        ("updated_at__in=20200101T000000Z", 0),
    ],
)
async def test_queries_are_found_by_what_they_are(
    opened: Site, query: str, count: int
) -> None:
    await create(opened)
    await create(opened, name="also here")
    assert len((await opened.get(f"{QUERIES}?{query}"))["data"]) == count


async def test_only_who_may_has_a_hand_in_a_query(opened: Site) -> None:
    query = await create(opened)
    for account, role, status in (
        (OTHER_ACCOUNT, "administrator", 404),
        (ACCOUNT, "reader", 403),
    ):
        headers = await opened.allow("ak_else", account, role=role)
        opened.client.headers.update(headers)
        await opened.send("PUT", query, BODY, status=status)
        await opened.send("DELETE", query, status=status)
