"""The embedded servers: private, durable, and never left behind."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import stat
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from homeport.errors import Unavailable
from homeport.runtime.embedded import EmbeddedServers, places
from tests.support.embedded import KEPT, elsewhere, mark, marks
from tests.support.homeport import alive, gone
from tests.support.polling import until
from tests.support.servers import folder

pytestmark = pytest.mark.integration

NAMES = {"postgres", "valkey", "nats"}
NOBODY = 65534
ROOT = Path(__file__).parents[4]


@pytest.fixture
def data() -> Iterator[Path]:
    with folder() as made:
        yield made


async def test_what_was_stored_is_there_after_a_restart(data: Path) -> None:
    async with EmbeddedServers(data) as servers:
        first = dict(servers.processes)
        urls = servers.redis_url, servers.nats_url, servers.postgres_url
        await mark(servers)
    assert set(first) == NAMES
    assert not any(map(alive, first.values()))
    async with EmbeddedServers(data) as servers:
        assert urls == (servers.redis_url, servers.nats_url, servers.postgres_url)
        assert await marks(servers) == KEPT


async def test_a_killed_server_comes_back_where_it_was(data: Path) -> None:
    changes = asyncio.Semaphore(0)
    async with EmbeddedServers(data, changed=changes.release) as servers:
        await mark(servers)
        before = dict(servers.processes)
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(20):
            for _ in before:
                await changes.acquire()
        assert set(servers.processes) == NAMES
        assert not set(servers.processes.values()) & set(before.values())
        assert await marks(servers) == KEPT


async def test_the_sudden_end_of_their_parent_leaves_nothing(data: Path) -> None:
    async with elsewhere(str(data)) as (parent, servers):
        await mark(servers)
        parent.kill()
        await gone(*servers.processes.values())
    async with EmbeddedServers(data) as again:
        assert await marks(again) == KEPT


async def test_a_start_that_is_given_up_leaves_nothing(data: Path) -> None:
    starting = asyncio.create_task(EmbeddedServers(data).__aenter__())

    async def halfway() -> bool:
        return (data / "postgres.new" / "base").exists()

    await until(halfway)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    async with EmbeddedServers(data) as servers:
        await mark(servers)


async def test_everything_is_for_its_owner_alone(data: Path) -> None:
    async with EmbeddedServers(data):
        for name in NAMES:
            assert stat.S_IMODE((data / name).stat().st_mode) == 0o700
            assert stat.S_IMODE((data / "logs" / f"{name}.log").stat().st_mode) == 0o600
        assert stat.S_IMODE((data / "servers.json").stat().st_mode) == 0o600


async def test_nobody_enters_without_the_password(embedded: EmbeddedServers) -> None:
    async with Redis.from_url(_without_user(embedded.redis_url)) as redis:
        with pytest.raises(RedisError, match="authenticat"):
            await redis.ping()
    nats, url = Client(), _without_user(embedded.nats_url)
    with pytest.raises(NatsError):
        # The server asks the directory, which is not there, for as long as it may.
        await nats.connect(
            url, allow_reconnect=False, connect_timeout=10, error_cb=_ignore
        )
    await nats.close()
    url = _without_user(embedded.postgres_url)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url, user="homeport", password="guess")


async def _ignore(error: Exception) -> None:
    """Expect it."""


def _without_user(url: str) -> str:
    place = urlsplit(url).netloc.rpartition("@")[2]
    return urlsplit(url)._replace(netloc=place).geturl()


async def test_the_command_lines_tell_no_password(embedded: EmbeddedServers) -> None:
    for url in (embedded.redis_url, embedded.nats_url, embedded.postgres_url):
        password = urlsplit(url).password
        assert password
        for pid in embedded.processes.values():
            assert password not in _process(pid, "cmdline").read_text()


async def test_given_servers_are_used(data: Path) -> None:
    given = {
        "redis_url": "redis://127.0.0.1:1/0",
        "nats_url": "nats://127.0.0.1:2",
        "postgres_url": "postgresql://127.0.0.1:3/x",
    }
    async with EmbeddedServers(data, **given) as servers:
        assert servers.processes == {}
        assert given == {name: getattr(servers, name) for name in given}
    async with EmbeddedServers(data, **given | {"redis_url": None}) as servers:
        assert set(servers.processes) == {"valkey"}
        assert servers.nats_url == given["nats_url"]


async def test_a_port_that_is_taken_is_replaced(data: Path) -> None:
    async with EmbeddedServers(data) as servers:
        await mark(servers)
        port = urlsplit(servers.redis_url).port
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        async with EmbeddedServers(data) as servers:
            assert urlsplit(servers.redis_url).port != port
            assert await marks(servers) == KEPT


async def test_a_port_that_is_taken_meanwhile_is_replaced(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, free = places._free_port(), places._free_port()
    ports = iter([taken, free])
    monkeypatch.setattr(places, "_free_port", lambda: next(ports))
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", taken))
        holder.listen()
        async with EmbeddedServers(data, redis_url="", postgres_url="") as servers:
            assert urlsplit(servers.nats_url).port == free


async def test_a_server_that_does_not_come_up_says_why(data: Path) -> None:
    async with EmbeddedServers(data) as servers:
        pids = servers.processes.values()
    (data / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(Unavailable, match="initialized by PostgreSQL version 9"):
        await EmbeddedServers(data).__aenter__()
    assert not any(map(alive, pids))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_an_ordinary_user_can_run_them(data: Path) -> None:
    os.chown(data, NOBODY, NOBODY)
    options = {
        "user": NOBODY,
        "group": NOBODY,
        "extra_groups": [],
        "cwd": data,
        "env": {
            "HOME": str(data),
            "PYTHONPATH": f"{ROOT}:{sysconfig.get_path('purelib')}",
        },
    }
    interpreter = await _interpreter(**options)
    async with elsewhere(str(data), interpreter=interpreter, **options) as (
        parent,
        servers,
    ):
        await mark(servers)
        assert await marks(servers) == KEPT
        for pid in servers.processes.values():
            assert _process(pid).stat().st_uid == NOBODY
        parent.kill()
        await gone(*servers.processes.values())


async def _interpreter(**options: object) -> str:
    """Find a Python that everybody may run and that has what we need."""
    for name in (sys.executable, shutil.which("python3", path=os.defpath)):
        with contextlib.suppress(PermissionError):
            trial = await asyncio.create_subprocess_exec(
                *(str(name), "-c", "import homeport.runtime.embedded"),
                stderr=asyncio.subprocess.DEVNULL,
                **options,
            )
            if await trial.wait() == 0:
                return str(name)
    return pytest.skip("no Python here is for everybody")


def _process(pid: int, page: str = "") -> Path:
    return Path("/proc", str(pid), page)
