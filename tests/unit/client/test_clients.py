"""Both shells present the key, come again when told, and fail by our own errors."""

import socket

import pytest

from homeport.client import (
    Client,
    NotFound,
    Patience,
    ServerFault,
    TooManyCalls,
    Unavailable,
)
from tests.support.api import KEY, ScriptedApi

AGAIN = {"retry-after": "0"}
ACCOUNT = {"id": "1"}


def test_every_call_presents_the_key(api: ScriptedApi, client: Client) -> None:
    api.will_answer(ACCOUNT)
    client.accounts.me()
    (request,) = api.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"


def test_it_comes_again_when_it_is_told_to(api: ScriptedApi, client: Client) -> None:
    api.will_answer(status=429, headers=AGAIN)
    api.will_answer(status=503, headers=AGAIN)
    api.will_answer(ACCOUNT)
    assert client.accounts.me().id == "1"
    assert len(api.requests) == 3


async def test_it_comes_again_when_awaited(api: ScriptedApi) -> None:
    api.will_answer(status=503, headers=AGAIN)
    api.will_answer(ACCOUNT)
    async with api.async_client() as client:
        assert (await client.accounts.me()).id == "1"


async def test_it_does_not_come_for_ever(api: ScriptedApi) -> None:
    for _ in range(3):
        api.will_answer(status=429, headers=AGAIN)
    async with api.async_client(Patience(attempts=3)) as client:
        with pytest.raises(TooManyCalls) as caught:
            await client.accounts.me()
    assert caught.value.retry_after == 0
    assert len(api.requests) == 3


def test_it_does_not_come_again_untold(api: ScriptedApi, client: Client) -> None:
    api.will_answer(status=503, text="")
    with pytest.raises(ServerFault):
        client.accounts.me()
    assert len(api.requests) == 1


def test_an_api_that_is_away_is_told() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{holder.getsockname()[1]}"
        with Client(url, KEY) as client:
            with pytest.raises(Unavailable, match="API is unavailable"):
                client.accounts.me()
            with pytest.raises(Unavailable, match="API is unavailable"):
                client.listen().__enter__()


STREAM = b'id: 1\ndata: {"fact": "a"}\n\nid: 2\n\nid: 3\ndata: {"fact": "b"}\n\n'
EVENTS = "/v2/notification/consumers/billing/events"


def test_a_consumer_is_followed_to_its_end(api: ScriptedApi, client: Client) -> None:
    api.will_answer(text=STREAM.decode())
    with client.follow("billing") as events:
        assert [(each.id, each.fact["fact"]) for each in events] == [
            ("1", "a"),
            ("3", "b"),
        ]
    assert api.asked == [("GET", f"{EVENTS}?form=fact&confirm=call")]
    (request,) = api.requests
    assert request.headers["accept"] == "text/event-stream"
    assert "last-event-id" not in request.headers


async def test_a_consumer_is_followed_behind_an_event(api: ScriptedApi) -> None:
    api.will_answer(text=STREAM.decode())
    async with api.async_client() as client:
        following = client.follow(
            "billing", form="notification", confirm="sent", after="7"
        )
        async with following as events:
            assert [each.id async for each in events] == ["1", "3"]
    assert api.asked == [("GET", f"{EVENTS}?form=notification&confirm=sent")]
    assert api.requests[0].headers["last-event-id"] == "7"


async def test_who_may_not_follow_is_told(api: ScriptedApi, client: Client) -> None:
    for _ in range(2):
        api.will_answer(status=404, text="CONSUMER_NOT_FOUND")
    with pytest.raises(NotFound, match="CONSUMER_NOT_FOUND"):
        client.follow("billing").__enter__()
    async with api.async_client() as other:
        with pytest.raises(NotFound, match="CONSUMER_NOT_FOUND"):
            await other.follow("billing").__aenter__()
