"""Long polls: the next notifications, for whoever asks (R-112)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest
from prometheus_client import REGISTRY

from homeport.events.facts import FactName
from tests.support.notifier import KEY, Site, deregistrations, event, site
from tests.support.polling import until

pytestmark = pytest.mark.integration

PULL = "/v2/notification/pull"
LATER = event(FactName.DEVICE_DEREGISTERED, 1, device="later")


@pytest.fixture
async def opened(
    redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    async with site(redis_url, nats_url, postgres_url, pull_seconds=0.3) as made:
        yield made


def caller(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url,
        headers={"authorization": f"Bearer {KEY}"},
        trust_env=False,
        timeout=20,
    )


async def pull(client: httpx.AsyncClient) -> Any:
    """Poll until there is a message."""
    async with asyncio.timeout(20):
        while True:
            answer = await client.get(PULL)
            if answer.status_code == 200:
                return answer.json()
            assert answer.status_code == 204, answer.text


async def pull_items(client: httpx.AsyncClient, count: int) -> list[Any]:
    items: list[Any] = []
    while len(items) < count:
        (of_kind,) = (await pull(client)).values()
        items += of_kind
    return items


async def kind(client: httpx.AsyncClient) -> str:
    answer = await client.get("/v2/notification/channel")
    return str(answer.json()["delivery_mechanism"])


async def test_the_first_poll_makes_the_channel(opened: Site) -> None:
    answer = await opened.client.get(PULL)
    assert (answer.status_code, answer.content) == (204, b"")
    assert await kind(opened.client) == "LONG_POLLING"
    await opened.happen(*deregistrations(3))
    expected = [each.device for each in deregistrations(3)]
    assert await pull_items(opened.client, 3) == expected
    assert (await opened.client.get(PULL)).status_code == 204


async def test_a_message_is_of_one_kind_and_the_rest_comes_with_the_next(
    opened: Site,
) -> None:
    await opened.client.get(PULL)
    life = [FactName.DEVICE_REGISTERED, FactName.DEVICE_DEREGISTERED]
    await opened.happen(*(event(life[n % 2], n + 1) for n in range(6)))
    told = [await pull(opened.client) for _ in range(6)]
    assert [list(message) for message in told] == [
        ["registrations"],
        ["de-registrations"],
    ] * 3


async def test_what_no_poll_has_acknowledged_is_kept_for_the_next_channel(
    opened: Site,
) -> None:
    await opened.client.get(PULL)
    await opened.happen(LATER)
    assert await pull_items(opened.client, 1) == [LATER.device]
    await opened.client.delete(PULL)
    await opened.listen()
    async with opened.socket() as socket:
        assert orjson.loads(await socket.recv()) == {"de-registrations": [LATER.device]}


async def test_any_replica_answers(opened: Site) -> None:
    many = deregistrations(30)
    async with opened.routes() as url, caller(url) as elsewhere:
        await opened.client.get(PULL)
        told: list[Any] = []
        for start in range(0, 30, 10):
            await opened.happen(*many[start : start + 10])
            for client in (opened.client, elsewhere):
                answer = await client.get(PULL)
                if answer.status_code == 200:
                    told += answer.json()["de-registrations"]
        assert told == [each.device for each in many]


async def test_a_second_poll_is_refused_on_any_replica(opened: Site) -> None:
    async with (
        opened.routes(pull_seconds=20) as url,
        caller(url) as first,
        caller(url) as second,
    ):
        await opened.client.get(PULL)
        waiting = asyncio.create_task(pull_items(first, 1))
        await opened.until_served()
        for client in (second, opened.client):
            answer = await client.get(PULL)
            assert (answer.status_code, answer.text) == (409, "ANOTHER_POLL_IS_WAITING")
        await opened.happen(LATER)
        assert await waiting == [LATER.device]


async def test_a_poll_whose_client_leaves_is_over(opened: Site) -> None:
    async with opened.routes(pull_seconds=20) as url:
        async with caller(url) as left:
            waiting = asyncio.create_task(left.get(PULL))
            await opened.until_served()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

        await opened.until_served(served=False)
        assert (await opened.client.get(PULL)).status_code == 204


async def test_a_poll_at_a_replica_that_ends_is_answered(opened: Site) -> None:
    async with caller(opened.url) as client:
        async with opened.routes(pull_seconds=20) as url:
            client.base_url = url
            await opened.client.get(PULL)
            waiting = asyncio.create_task(client.get(PULL))
            await opened.until_served()
        assert (await waiting).status_code == 204
        await opened.happen(LATER)
        assert await pull_items(opened.client, 1) == [LATER.device]


async def test_a_deleted_channel_is_said_to_be_deleted_for_a_while(
    opened: Site,
) -> None:
    await opened.client.get(PULL)
    first = await opened.client.delete(PULL)
    assert (first.status_code, first.text) == (200, "REMOVED")
    second = await opened.client.delete(PULL)
    assert (second.status_code, second.text) == (200, "ALREADY_DELETED")
    answer = await opened.client.get(PULL)
    assert (answer.status_code, answer.text) == (410, "CHANNEL_DELETED")
    await opened.listen()
    assert await kind(opened.client) == "WEB_SOCKET"


async def test_a_poll_that_waits_hears_of_the_deletion(
    opened: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notifier.channels.polls.LOOK_SECONDS", 0.2)
    async with opened.routes(pull_seconds=20) as url, caller(url) as client:
        await opened.client.get(PULL)
        waiting = asyncio.create_task(client.get(PULL))
        await opened.until_served()
        await opened.client.delete(PULL)
        assert (await waiting).status_code == 410


async def rests() -> bool:
    """Say whether a poll waits for something to happen."""
    return REGISTRY.get_sample_value("homeport_notifier_channels_resting") == 1


async def test_a_deleted_channel_gives_nothing_to_a_poll_that_waits(
    opened: Site,
) -> None:
    async with opened.routes(pull_seconds=20) as url, caller(url) as client:
        await opened.client.get(PULL)
        waiting = asyncio.create_task(client.get(PULL))
        await until(rests)
        await opened.client.delete(PULL)
        await opened.happen(LATER)
        answer = await waiting
        assert (answer.status_code, answer.text) == (410, "CHANNEL_DELETED")


async def test_a_key_with_a_channel_of_another_kind_cannot_poll(opened: Site) -> None:
    await opened.listen()
    answer = await opened.client.get(PULL)
    assert (answer.status_code, answer.text) == (400, "CHANNEL_OF_ANOTHER_KIND")
    assert (await opened.client.delete(PULL)).text == "ALREADY_DELETED"


async def test_a_key_that_polls_cannot_have_a_channel_of_another_kind(
    opened: Site,
) -> None:
    await opened.client.get(PULL)
    answer = await opened.client.put("/v2/notification/websocket")
    assert (answer.status_code, answer.text) == (400, "CHANNEL_OF_ANOTHER_KIND")


async def test_a_channel_that_nobody_polls_ends(opened: Site) -> None:
    await opened.client.get(PULL)
    async with opened.running(pull_idle_seconds=0.01, channel_poll_seconds=0.05):

        async def ended() -> bool:
            answer = await opened.client.get("/v2/notification/channel")
            return answer.status_code == 404

        await until(ended)
    assert (await opened.client.get(PULL)).status_code == 204


async def test_a_poll_needs_a_key_that_may_take(opened: Site) -> None:
    reader = await opened.allow("ak_1reader", "c" * 32, role="reader")
    assert (await opened.client.get(PULL, headers=reader)).status_code == 403
    unknown = {"authorization": "Bearer ak_1unknown"}
    assert (await opened.client.get(PULL, headers=unknown)).status_code == 401
