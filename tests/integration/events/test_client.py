"""A batch in one write arrives as if nats-py had published each message."""

import asyncio

import pytest
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError

from homeport.events import client
from homeport.events.client import BusClient
from homeport.runtime import bus

pytestmark = pytest.mark.integration

HEADERS = {"ce-id": "1", "ce-type": "homeport.v1.device.registered", "empty": ""}
LINES = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())


async def test_what_is_encoded_here_arrives_as_what_nats_py_encodes(
    nats_url: str,
) -> None:
    heard: asyncio.Queue[Msg] = asyncio.Queue()
    async with bus.connection(nats_url) as nats:
        await nats.subscribe("tests.>", cb=heard.put)
        await nats.publish_encoded(
            [
                client.encode("tests.one", LINES, b"body"),
                client.encode("tests.two", LINES, b""),
            ]
        )
        await nats.publish("tests.one", b"body", headers=HEADERS)
        await nats.flush()
        async with asyncio.timeout(10):
            one, two, theirs = [await heard.get() for _ in range(3)]
    assert (one.subject, one.data, one.headers) == (
        theirs.subject,
        theirs.data,
        theirs.headers,
    )
    assert (two.subject, two.data, two.headers) == ("tests.two", b"", HEADERS)


@pytest.mark.parametrize(
    ("lines", "headers"),
    [
        (b"one: 1\r\ntwo: a: b\r\n\r\n", {"one": "1", "two": "a: b"}),
        (b"tight:1\r\nwide:  2 \r\n\r\n", {"tight": "1", "wide": "2"}),
        (b"latin: \xe9\r\n\r\n", {"latin": "\ufffd"}),
        (b"\r\n", {}),
    ],
    ids=["ours", "of others", "no UTF-8", "none"],
)
def test_headers_are_read_whoever_wrote_them(
    lines: bytes, headers: dict[str, str]
) -> None:
    assert BusClient._parse_header_lines(lines) == headers


async def test_without_a_connection_nothing_is_kept_for_later() -> None:
    with pytest.raises(ConnectionClosedError):
        await BusClient().publish_encoded([client.encode("tests.one", "", b"")])


async def test_an_ear_hears_the_next_message_and_no_other(nats_url: str) -> None:
    heard: list[str] = []
    async with bus.connection(nats_url) as nats:
        await nats.listen("tests.*", lambda _: heard.append("one"), most=1)
        forgotten = await nats.listen("tests.*", lambda _: heard.append("none"))
        await nats.forget(forgotten)
        last: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        await nats.subscribe("tests.last", future=last)
        for subject in ("tests.one", "tests.one", "tests.last"):
            await nats.publish(subject, b"body", headers=HEADERS)
        async with asyncio.timeout(10):
            await last
        assert heard == ["one"]
        await nats.forget(forgotten)


async def test_an_ear_is_kept_over_a_lost_connection(nats_url: str) -> None:
    heard = asyncio.Event()
    async with bus.connection(nats_url) as nats, bus.connection(nats_url) as other:
        await nats.listen("tests.*", lambda _: heard.set(), most=1)
        assert nats._transport is not None
        nats._transport.close()
        async with asyncio.timeout(20):
            while not heard.is_set():
                await other.publish("tests.one")
                await other.flush()
                await asyncio.sleep(0.02)


async def test_a_closed_client_hears_nothing(nats_url: str) -> None:
    async with bus.connection(nats_url) as nats:
        ear = await nats.listen("tests.*", print, most=1)
    await nats.forget(ear)
    with pytest.raises(ConnectionClosedError):
        await nats.listen("tests.*", print)
