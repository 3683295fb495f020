"""The example applications do what they say."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from homeport.events.facts import FactName
from tests.support.notifier import KEY, Site, event, site

pytestmark = pytest.mark.integration

CHAT = Path("examples/chat.py")
SECOND_KEY, SECOND_ID = "ak_1" + "e" * 60, "e" * 32
LINES = 60


@pytest.fixture
async def opened(
    redis_url: str, nats_url: str, postgres_url: str
) -> AsyncIterator[Site]:
    async with (
        site(redis_url, nats_url, postgres_url, channel_poll_seconds=0.3) as made,
        made.running(),
    ):
        yield made


async def test_an_application_hears_devices_by_webhook_and_by_web_socket(
    opened: Site, unused_tcp_port: int
) -> None:
    await opened.allow(SECOND_KEY, SECOND_ID)
    value = event(FactName.RESOURCE_NOTIFIED, 2)
    said = orjson.loads(value.body) | {"path": "/3303/0/5700", "payload": "MjE="}
    happened = (
        event(FactName.DEVICE_REGISTERED, 1),
        value._replace(body=orjson.dumps(said)),
        event(FactName.DEVICE_DEREGISTERED, 3),
    )
    expected = {
        f"{way}: {words}"
        for way in ("webhook", "WebSocket")
        for words in (
            "urn:dev:1 has come",
            f"{value.device} says 21 at /3303/0/5700",
            f"{value.device} has gone",
        )
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(CHAT), opened.url, KEY, SECOND_KEY),
        env={**os.environ, "PORT": str(unused_tcp_port)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        await both_set_up(opened)
        await opened.happen(*happened)
        async with asyncio.timeout(20):
            while expected:
                line = (await process.stdout.readline()).decode().strip()
                assert line, f"ended without {expected}"
                expected.discard(line)
    finally:
        process.terminate()
        await process.wait()


async def both_set_up(opened: Site) -> None:
    """Wait until both keys have their channel, and want values."""
    async with asyncio.timeout(20):
        while True:
            (row,) = await opened.query(
                "SELECT (SELECT count(*) FROM notifier.channels) AS channels,"
                " (SELECT count(*) FROM notifier.presubscriptions) AS rules"
            )
            if row["channels"] == row["rules"] == 2:
                return
            await asyncio.sleep(0.05)


def test_an_example_is_short() -> None:
    lines = [line for line in CHAT.read_text().splitlines() if line.strip()]
    assert len(lines) <= LINES
