"""Subscriptions and presubscriptions, and the notifications that come of them."""

from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest

from homeport.protocol.device_requests import DeviceRequest, Method
from homeport.store import keys
from tests.support.downlink import PlayedEdge, Reply, played_edge
from tests.support.notifier import Site, responses, site
from tests.support.polling import until
from tests.support.sessions import Device, device

pytestmark = pytest.mark.integration

DEVICE, METER = device(), device("urn:dev:meter")
RULES = "/v2/subscriptions"
PATH = f"{RULES}/{DEVICE.id}"
TEMPERATURE = f"{PATH}//3/0/9"
MANY = "[" + ",".join(f'{{"path":"/3/0/{n}","obs":true}}' for n in range(10)) + "]"
OTHER = {"authorization": "Bearer ak_1other"}


@pytest.fixture
async def opened(
    redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    async with (
        site(redis_url, nats_url, postgres_url, channel_poll_seconds=0.3) as made,
        made.running(),
    ):
        await made.listen()
        await made.allow("ak_1other", "c" * 32)
        yield made


@pytest.fixture
async def edge(opened: Site) -> AsyncIterator[PlayedEdge]:
    """An edge at which DEVICE has registered."""
    async with played_edge(opened.settings.redis_url, opened.nats) as made:
        await made.register(DEVICE)
        yield made


async def status(opened: Site, method: str, path: str, **options: Any) -> int:
    answer = await opened.client.request(method, path, **options)
    return answer.status_code


async def asked(edge: PlayedEdge, count: int) -> list[DeviceRequest]:
    """Wait until devices have been asked so often."""

    async def reached() -> bool:
        return len(edge.asked) >= count

    await until(reached)
    return edge.asked


async def observed(edge: PlayedEdge, *paths: str, of: Device = DEVICE) -> None:
    """Wait until a device notifies of these paths and of no others."""

    async def reached() -> bool:
        known = await edge.store.redis.hvals(keys.tokens(of.bucket, of.id))
        return sorted(each.decode().split(" ", 2)[2] for each in known) == sorted(paths)

    await until(reached)


async def test_a_resource_is_observed_from_its_subscription_to_its_end(
    opened: Site, edge: PlayedEdge
) -> None:
    async with opened.socket() as socket:
        answer = await opened.client.put(TEMPERATURE)
        assert answer.status_code == 202
        (told,) = await responses(socket, 1)
        assert told["id"] == answer.json()["async-response-id"]
        assert (told["status"], told["payload"]) == (200, b64encode(b"42").decode())
        assert await status(opened, "GET", TEMPERATURE) == 200
        assert await status(opened, "PUT", TEMPERATURE) == 200
        listed = await opened.client.get(PATH)
        assert (listed.status_code, listed.text) == (200, "/3/0/9\n")
        assert listed.headers["content-type"].startswith("text/uri-list")
        await edge.notify(DEVICE, "/3/0/9")
        assert await responses(socket, 1, kind="notifications") == [
            {
                "ep": DEVICE.id,
                "path": "/3/0/9",
                "ct": "text/plain",
                "payload": b64encode(b"43").decode(),
                "max-age": 60,
            }
        ]
    assert await status(opened, "DELETE", TEMPERATURE) == 204
    assert await status(opened, "GET", TEMPERATURE) == 404
    assert await status(opened, "GET", PATH) == 404
    assert await status(opened, "DELETE", PATH) == 204
    await observed(edge)
    assert [request.observe for request in edge.asked] == [True, False]


@pytest.mark.conforms("C-155", "OP-1")
async def test_what_a_device_does_not_observe_is_no_subscription(
    opened: Site, edge: PlayedEdge
) -> None:
    replies = [Reply("4.05", b"42"), Reply()]
    edge.answer = lambda _: replies.pop(0)
    async with opened.socket() as socket:
        for expected in (405, 412):
            assert await status(opened, "PUT", TEMPERATURE) == 202
            (told,) = await responses(socket, 1)
            assert told["status"] == expected
            assert told["payload"] == b64encode(b"42").decode()

            async def ended() -> bool:
                return await status(opened, "GET", TEMPERATURE) == 404

            await until(ended)


async def test_only_what_is_there_can_be_subscribed_to(
    opened: Site, edge: PlayedEdge
) -> None:
    for path, expected in (
        (f"{PATH}/3/0/5", 404),
        (f"{RULES}/{'0' * 32}/3/0/9", 404),
        (f"{RULES}/x/3/0/9", 404),
        (f"{PATH}/{'3' * 300}", 400),
    ):
        assert await status(opened, "PUT", path) == expected


async def test_two_keys_are_told_each_of_its_own_and_one_keeps_what_both_want(
    opened: Site, edge: PlayedEdge
) -> None:
    await opened.client.put("/v2/notification/websocket", headers=OTHER)
    async with opened.socket() as mine, opened.socket(key="ak_1other") as theirs:
        assert await status(opened, "PUT", TEMPERATURE) == 202
        await responses(mine, 1)
        assert await status(opened, "PUT", TEMPERATURE, headers=OTHER) == 200
        await edge.notify(DEVICE, "/3/0/9", b"1")
        for socket in (mine, theirs):
            await responses(socket, 1, kind="notifications")
        assert await status(opened, "DELETE", PATH) == 204
        await edge.notify(DEVICE, "/3/0/9", b"2")
        (told,) = await responses(theirs, 1, kind="notifications")
        assert told["payload"] == b64encode(b"2").decode()
        assert await status(opened, "PUT", TEMPERATURE) == 200
        await edge.notify(DEVICE, "/3/0/9", b"3")
        (told,) = await responses(mine, 1, kind="notifications")
        assert told["payload"] == b64encode(b"3").decode()


async def test_a_subscription_ends_with_its_registration(
    opened: Site, edge: PlayedEdge
) -> None:
    assert await status(opened, "PUT", TEMPERATURE) == 202
    await observed(edge, "/3/0/9")
    await edge.register(DEVICE, 2)

    async def ended() -> bool:
        rows = await opened.query("SELECT FROM notifier.subscriptions")
        return not rows

    await until(ended)
    assert await status(opened, "GET", TEMPERATURE) == 404


async def test_what_observes_itself_is_not_asked_for(
    opened: Site, edge: PlayedEdge
) -> None:
    await edge.register(DEVICE, 2, observed="015e /3/0/9\n")
    assert await status(opened, "PUT", TEMPERATURE) == 200
    async with opened.socket() as socket:
        await edge.notify(DEVICE, "/3/0/9")
        await responses(socket, 1, kind="notifications")
    assert not edge.asked


async def test_rules_are_kept_as_they_were_given(opened: Site) -> None:
    assert (await opened.client.get(RULES)).json() == []
    rules = [
        {"endpoint-name": "urn:*", "resource-path": ["/3/0/9", "/3303/*"]},
        {"endpoint-type": "meter"},
        {},
    ]
    assert await status(opened, "PUT", RULES, json=rules) == 204
    assert (await opened.client.get(RULES)).json() == rules
    assert (await opened.client.get(RULES, headers=OTHER)).json() == []
    assert await status(opened, "DELETE", RULES) == 204
    assert (await opened.client.get(RULES)).json() == []
    assert await status(opened, "PUT", RULES, json={"a": 1}) == 400


@pytest.mark.conforms("C-175", "B-130", "B-184")
async def test_a_rule_is_met_by_devices_that_register_a_few_paths_at_a_time(
    opened: Site, edge: PlayedEdge
) -> None:
    rule = {"endpoint-name": METER.id, "resource-path": ["/3/0/*"]}
    assert await status(opened, "PUT", RULES, json=[rule]) == 204
    held: list[DeviceRequest] = []

    def hold(request: DeviceRequest) -> Reply | None:
        held.append(request)
        return None

    edge.answer = hold
    await edge.register(METER, 1, resources=MANY)
    await asked(edge, 1)
    key = keys.requests(METER.bucket, METER.id)

    async def four() -> bool:
        return await edge.store.redis.hlen(key) == 4

    await until(four)
    edge.answer = lambda _: Reply(observed=True)
    await edge.complete(METER.id, held[0], Reply("4.05"))
    await edge.serve(METER.id)
    await observed(edge, *(f"/3/0/{number}" for number in range(1, 10)), of=METER)
    assert len({request.path for request in edge.asked}) == 10
    async with opened.socket() as socket:
        await edge.notify(METER, "/3/0/7")
        (told,) = await responses(socket, 1, kind="notifications")
        assert told["path"] == "/3/0/7"
    await edge.register(METER, 2, resources=MANY)
    await observed(edge, *(f"/3/0/{number}" for number in range(10)), of=METER)


async def test_a_rule_that_is_set_later_is_met_at_the_next_update(
    opened: Site, edge: PlayedEdge
) -> None:
    location = await edge.register(DEVICE, 2, resources=MANY)
    assert await status(opened, "PUT", RULES, json=[{}]) == 204
    await edge.store.do(DEVICE.refresh(3, location))
    await observed(edge, *(f"/3/0/{number}" for number in range(10)))
    count = len(edge.asked)
    await edge.store.do(DEVICE.refresh(4, location))
    paths = {"resource-path": ["/3/0/1"]}
    assert await status(opened, "PUT", RULES, json=[paths]) == 204
    await edge.store.do(DEVICE.refresh(5, location))
    await observed(edge, "/3/0/1")
    assert [each.observe for each in edge.asked[count:]] == [False] * 9
    assert {each.method for each in edge.asked} == {Method.GET}


async def test_a_rule_is_for_the_devices_that_it_means(
    opened: Site, edge: PlayedEdge
) -> None:
    rules = [
        {"endpoint-type": "meter", "resource-path": ["/3/0/9"]},
        {"endpoint-name": "urn:dev:2", "resource-path": ["/3/0/9"]},
    ]
    assert await status(opened, "PUT", RULES, json=rules) == 204
    other, third = device("urn:dev:2"), device("urn:dev:3")
    await edge.register(DEVICE, 2)
    await edge.register(third, endpoint_type="meter")
    await edge.register(other)
    await asked(edge, 2)

    async def two() -> bool:
        counts = [
            await edge.store.redis.hlen(keys.tokens(each.bucket, each.id))
            for each in (DEVICE, third, other)
        ]
        return counts == [0, 1, 1]

    await until(two)
    async with opened.socket() as socket:
        await edge.notify(third, "/3/0/9")
        await edge.notify(other, "/3/0/9")
        told = await responses(socket, 2, kind="notifications")
    assert {each["ep"] for each in told} == {third.id, other.id}
