"""The REST routes of WebSocket channels (R-109)."""

from collections.abc import AsyncIterator

import pytest

from tests.support.notifier import Site, deregistrations, site
from tests.support.polling import until

pytestmark = pytest.mark.integration

WEBSOCKET = "/v2/notification/websocket"
FORM = {
    "type": "v2",
    "max_chunk_size": 10_000,
    "cfg": {
        "deregistrations_as_object": False,
        "include_uid": False,
        "include_timestamp": False,
        "include_original_ep": False,
        "include_values": False,
    },
}


@pytest.fixture
async def opened(
    redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    async with site(redis_url, nats_url, postgres_url) as made:
        yield made


async def test_a_channel_is_made_without_a_body(opened: Site) -> None:
    made = await opened.client.put(WEBSOCKET)
    assert made.status_code == 201
    assert made.json() == {
        "status": "disconnected",
        "queue_size": 0,
        "queueSize": 0,
        "serialization": FORM,
    }
    assert (await opened.client.put(WEBSOCKET, content=b"{}")).status_code == 200
    kind = await opened.client.get("/v2/notification/channel")
    assert kind.json() == {"delivery_mechanism": "WEB_SOCKET"}


async def test_setting_it_again_changes_the_form(opened: Site) -> None:
    await opened.client.put(WEBSOCKET)
    body = {"serialization": {"max_chunk_size": "200", "cfg": {"include_uid": "true"}}}
    assert (await opened.client.put(WEBSOCKET, json=body)).status_code == 200
    form = (await opened.client.get(WEBSOCKET)).json()["serialization"]
    assert (form["max_chunk_size"], form["cfg"]["include_uid"]) == (200, True)


async def test_it_says_how_much_waits_and_whether_anybody_is_there(
    opened: Site,
) -> None:
    await opened.client.put(WEBSOCKET)
    await opened.happen(*deregistrations(7))
    info = (await opened.client.get(WEBSOCKET)).json()
    assert (info["status"], info["queue_size"], info["queueSize"]) == (
        "disconnected",
        7,
        7,
    )
    async with opened.socket() as socket:
        await socket.recv()

        async def drained() -> bool:
            info = (await opened.client.get(WEBSOCKET)).json()
            return bool(info["status"] == "connected" and info["queue_size"] == 0)

        await until(drained)

    async def disconnected() -> bool:
        info = (await opened.client.get(WEBSOCKET)).json()
        return bool(info["status"] == "disconnected")

    await until(disconnected)


async def test_without_a_channel_there_is_nothing_to_read_or_delete(
    opened: Site,
) -> None:
    for method in ("GET", "DELETE"):
        answer = await opened.client.request(method, WEBSOCKET)
        assert (answer.status_code, answer.text) == (404, "CHANNEL_NOT_FOUND")
    await opened.client.put(WEBSOCKET)
    assert (await opened.client.delete(WEBSOCKET)).status_code == 204
    assert (await opened.client.get(WEBSOCKET)).status_code == 404


async def test_a_key_has_a_channel_of_one_kind_only(opened: Site) -> None:
    await opened.client.put(WEBSOCKET)
    callback = "/v2/notification/callback"
    answer = await opened.client.put(callback, json={"url": "http://127.0.0.1:1/"})
    assert (answer.status_code, answer.text) == (400, "CHANNEL_OF_ANOTHER_KIND")
    assert (await opened.client.get(callback)).status_code == 404
    assert (await opened.client.delete(callback)).status_code == 404
    assert (await opened.client.get(WEBSOCKET)).status_code == 200


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"serialization":7}'])
async def test_a_bad_body_is_refused(opened: Site, body: bytes) -> None:
    answer = await opened.client.put(WEBSOCKET, content=body)
    assert answer.status_code == 400
    assert answer.text in ("MALFORMED_JSON_CONTENT", "INVALID_SERIALIZATION")


async def test_a_reader_may_look_and_not_change(opened: Site) -> None:
    reader = await opened.allow("ak_1reader", "c" * 32, role="reader")
    for method, status in (("PUT", 403), ("DELETE", 403), ("GET", 404)):
        answer = await opened.client.request(method, WEBSOCKET, headers=reader)
        assert answer.status_code == status


async def test_a_channel_without_a_socket_ends_one_day(opened: Site) -> None:
    await opened.client.put(WEBSOCKET)
    async with opened.running(socket_idle_seconds=0.01, channel_poll_seconds=0.05):

        async def ended() -> bool:
            return (await opened.client.get(WEBSOCKET)).status_code == 404

        await until(ended)
