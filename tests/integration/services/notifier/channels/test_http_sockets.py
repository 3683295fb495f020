"""Opening a WebSocket, what comes through it, and how it ends (R-113 .. R-116)."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from homeport.events.facts import FactName
from homeport.store import trust
from tests.support.notifier import KEY, KEY_ID, Site, deregistrations, event, site
from tests.support.polling import until
from tests.support.webhook import webhook

pytestmark = pytest.mark.integration

CALLBACK = "/v2/notification/callback"
WEBSOCKET = "/v2/notification/websocket"
LATER = event(FactName.DEVICE_DEREGISTERED, 1, device="later")


@pytest.fixture
async def opened(
    redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    async with site(
        redis_url, nats_url, postgres_url, channel_poll_seconds=0.3
    ) as made:
        yield made


class Pings(logging.Handler):
    """Counts the pings that a client logs."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.logger = logging.getLogger("tests.client")
        self.logger.setLevel(logging.DEBUG)
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.count += record.getMessage().startswith("< PING")


async def items(socket: ClientConnection, count: int) -> list[Any]:
    """Receive messages until there are so many items."""
    found: list[Any] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            (of_kind,) = orjson.loads(await socket.recv()).values()
            found += of_kind
    return found


async def close_code(socket: ClientConnection) -> int | None:
    """Wait for the end, whatever comes before it."""
    async with asyncio.timeout(20):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code


def bare(url: str, **options: Any) -> connect:
    address = f"{url}/v2/notification/websocket-connect".replace("http", "ws", 1)
    return connect(address, proxy=None, **options)


async def test_notifications_come_as_text_frames_in_order(opened: Site) -> None:
    many = deregistrations(300)
    await opened.listen(type="v2", cfg={"include_uid": True})
    await opened.happen(*many[:100])
    async with opened.socket() as socket:
        for start in range(100, 300, 50):
            await opened.happen(*many[start : start + 50])
        assert await items(socket, 300) == [each.device for each in many]


async def test_the_form_may_be_changed_while_it_is_open(opened: Site) -> None:
    await opened.listen()
    async with opened.socket() as socket:
        await opened.listen(cfg={"deregistrations_as_object": True})
        await opened.happen(LATER)
        *_, item = await items(socket, 1)
        for later in deregistrations(20):
            if not isinstance(item, str):
                break
            await opened.happen(later)  # the one before was on its way, or comes again
            *_, item = await items(socket, 1)
        assert set(item) == {"ep"}


async def test_the_key_may_stand_in_the_subprotocol(opened: Site) -> None:
    await opened.listen()
    offered = [Subprotocol("wss"), Subprotocol(f"pelion_{KEY}")]
    async with bare(opened.url, subprotocols=offered) as socket:
        assert socket.subprotocol == "wss"
        await opened.happen(LATER)
        assert await items(socket, 1) == [LATER.device]


async def test_with_a_header_no_subprotocol_is_needed(opened: Site) -> None:
    await opened.listen()
    async with opened.socket() as socket:
        assert socket.subprotocol is None


async def test_empty_path_segments_do_not_count(opened: Site) -> None:
    await opened.listen()
    address = f"{opened.url}//v2//notification/websocket-connect/"
    headers = {"authorization": f"Bearer {KEY}"}
    async with connect(
        address.replace("http", "ws", 1), additional_headers=headers, proxy=None
    ) as socket:
        await socket.ping()


@pytest.mark.parametrize(
    ("presented", "status"),
    [
        ("", 401),
        ("Bearer ak_1unknown", 401),
        ("Basic " + KEY, 401),
        ("Bearer eyJhbGciOiJIUzI1NiJ9", 403),
    ],
)
async def test_a_handshake_needs_a_key(
    opened: Site, presented: str, status: int
) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with bare(opened.url, additional_headers={"authorization": presented}):
            pass
    response = caught.value.response
    assert response.status_code == status
    assert response.body in (b"UNAUTHORIZED", b"FORBIDDEN")
    assert len(response.headers["x-request-id"]) == 32


async def test_a_reader_opens_no_socket(opened: Site) -> None:
    await opened.allow("ak_1reader", "c" * 32, role="reader")
    with pytest.raises(InvalidStatus) as caught:
        async with opened.socket(key="ak_1reader"):
            pass
    assert caught.value.response.status_code == 403


async def test_a_call_without_upgrade_is_told_so(opened: Site) -> None:
    answer = await opened.client.get(f"{WEBSOCKET}-connect")
    assert (answer.status_code, answer.text) == (426, "UPGRADE_REQUIRED")
    assert answer.headers["upgrade"] == "websocket"


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, 101),
        ({"sec-websocket-version": "8"}, 400),
        ({"sec-websocket-key": ""}, 400),
    ],
)
async def test_a_handshake_is_of_version_13_and_complete(
    opened: Site, changed: dict[str, str], status: int
) -> None:
    await opened.listen()
    headers = {
        "authorization": f"Bearer {KEY}",
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    } | changed
    async with (
        httpx.AsyncClient(base_url=opened.url, trust_env=False) as client,
        client.stream("GET", f"{WEBSOCKET}-connect", headers=headers) as answer,
    ):
        assert answer.status_code == status


async def test_without_a_channel_it_is_closed_with_1011(opened: Site) -> None:
    async with opened.socket() as socket:
        assert await close_code(socket) == 1011


async def test_a_channel_of_another_kind_has_no_socket(opened: Site) -> None:
    reading = asyncio.create_task(opened.client.get("/v2/notification/pull"))

    async def made() -> bool:
        answer = await opened.client.get("/v2/notification/channel")
        return answer.status_code == 200

    await until(made)
    async with opened.socket() as socket:
        assert await close_code(socket) == 1011
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


async def test_a_deleted_channel_closes_it_with_1000(opened: Site) -> None:
    await opened.listen()
    async with opened.socket() as socket:
        await opened.client.delete(WEBSOCKET)
        assert await close_code(socket) == 1000


@pytest.mark.conforms("C-249", "R-112", "R-114")
async def test_a_channel_deleted_under_load_makes_room_for_another_kind_at_once(
    opened: Site,
) -> None:
    many = deregistrations(1_000)
    await opened.listen()
    async with webhook() as receiver, opened.socket() as socket:
        happening = asyncio.create_task(opened.happen(*many))
        assert await items(socket, 1)
        assert (await opened.client.delete(WEBSOCKET)).status_code == 204
        made = await opened.client.put(CALLBACK, json={"url": receiver.url})
        assert made.status_code == 204
        assert await close_code(socket) == 1000
        await happening


async def test_the_newest_socket_wins(opened: Site) -> None:
    await opened.listen()
    async with opened.socket() as older, opened.socket() as newer:
        assert await close_code(older) == 1001
        await opened.happen(LATER)
        assert await items(newer, 1) == [LATER.device]


@pytest.mark.conforms("C-248", "R-114")
async def test_the_newest_socket_wins_on_any_replica(opened: Site) -> None:
    many = deregistrations(20)
    await opened.listen()
    async with opened.routes() as url, opened.socket() as older:
        await opened.happen(*many[:10])
        assert await items(older, 10) == [each.device for each in many[:10]]
        async with opened.socket(url=url) as newer:
            assert await close_code(older) == 1001
            await opened.happen(*many[10:])
            assert await items(newer, 10) == [each.device for each in many[10:]]


async def test_of_many_sockets_at_once_one_stays(opened: Site) -> None:
    await opened.listen()
    async with opened.routes() as url:
        found = await asyncio.gather(
            *(opened.socket(url=place) for place in (opened.url, url) * 10),
            return_exceptions=True,
        )
        open_ = [each for each in found if isinstance(each, ClientConnection)]
        refused = [each for each in found if isinstance(each, InvalidStatus)]
        assert len(open_) + len(refused) == 20
        assert {each.response.status_code for each in refused} <= {429}
        ends = [asyncio.create_task(close_code(each)) for each in open_]

        async def one() -> bool:
            return sum(not end.done() for end in ends) == 1

        await until(one)
        assert {end.result() for end in ends if end.done()} <= {1001}
        (winner,) = (
            each for each, end in zip(open_, ends, strict=True) if not end.done()
        )
        await winner.close()
        assert len(await asyncio.gather(*ends)) == len(open_)


async def test_a_key_that_is_gone_closes_it_with_1008(
    opened: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notifier.channels.sockets.LOOK_SECONDS", 0.1)
    await opened.listen()
    async with opened.socket() as socket:
        await opened.trust.remove_api_key(trust.digest(KEY), KEY_ID)
        assert await close_code(socket) == 1008


async def test_a_replica_that_ends_closes_its_sockets_with_1012(opened: Site) -> None:
    many = deregistrations(20)
    await opened.listen()
    async with opened.routes() as url:
        ending = await opened.socket(url=url)
        await opened.happen(*many[:10])
        assert await items(ending, 10) == [each.device for each in many[:10]]
    assert await close_code(ending) == 1012
    async with opened.socket() as socket:
        await opened.happen(*many[10:])
        assert await items(socket, 10) == [each.device for each in many[10:]]


async def test_what_a_client_has_not_received_comes_again(opened: Site) -> None:
    many = deregistrations(2_000)
    await opened.listen()
    await opened.happen(*many)
    socket = await opened.socket()
    socket.transport.pause_reading()
    await opened.until_served()
    socket.transport.abort()
    async with opened.socket() as again:
        assert await items(again, 2_000) == [each.device for each in many]


async def test_a_client_that_never_reads_is_closed(
    redis_url: str, nats_url: str, postgres_url: str
) -> None:
    async with site(
        redis_url, nats_url, postgres_url, socket_ping_seconds=0.5
    ) as opened:
        await opened.listen()
        await opened.happen(*deregistrations(1_000))
        socket = await opened.socket()
        socket.transport.pause_reading()

        await opened.until_served()
        await opened.until_served(served=False)
        socket.transport.resume_reading()
        assert await close_code(socket) == 1011
        async with opened.socket() as again:
            assert len(await items(again, 1_000)) == 1_000


async def test_a_client_that_is_there_is_pinged_and_stays(
    redis_url: str, nats_url: str, postgres_url: str
) -> None:
    pings = Pings()
    async with site(
        redis_url, nats_url, postgres_url, socket_ping_seconds=0.1
    ) as opened:
        await opened.listen()
        headers = {"authorization": f"Bearer {KEY}"}
        async with bare(
            opened.url, additional_headers=headers, logger=pings.logger
        ) as socket:

            async def several() -> bool:
                return pings.count >= 3

            await until(several)
            await opened.happen(LATER)
            assert await items(socket, 1) == [LATER.device]
            await asyncio.wait_for(await socket.ping(), 20)


async def test_what_a_client_says_is_passed_over_unless_it_is_too_long(
    opened: Site,
) -> None:
    await opened.listen()
    async with opened.socket() as socket:
        for _ in range(20):
            await socket.send("hello")
        await opened.happen(LATER)
        assert await items(socket, 1) == [LATER.device]
        await socket.send("x" * 100_000)
        assert await close_code(socket) == 1009


async def test_sockets_stay_while_the_database_is_away(opened: Site) -> None:
    await opened.listen()
    async with opened.socket() as socket:
        await opened.until_served()
        await opened.cut_database()
        await opened.happen(LATER)
        assert await items(socket, 1) == [LATER.device]
