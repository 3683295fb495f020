"""`homeport up`: everything serves, comes back, and leaves nothing behind."""

import os
import signal
import socket
import ssl
import stat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from homeport.runtime.platform import https
from tests.support.homeport import (
    alive,
    content,
    event_is,
    gone,
    homeport,
    platform,
)
from tests.support.polling import until

pytestmark = pytest.mark.integration

SECURED, PLAIN = {"coaps", "coaps+tcp"}, {"coap", "coap+tcp"}
SERVICES = ("directory", "lwm2m", "bootstrap", "expiry", "notifier", "api")


def pids_of(ready: dict[str, Any]) -> list[int]:
    return [pid for pids in ready["processes"].values() for pid in pids]


async def test_it_serves_comes_back_and_drains(data_folder: Path) -> None:
    async with platform(data_folder, "--nosec", "--https", "--scale", "lwm2m=2") as (
        up,
        ready,
    ):
        _check_ready_file(data_folder / "ready.json", ready)
        await _check_api(ready)
        await _check_https(ready)
        await _check_second_start_is_refused(data_folder)
        for name in ("lwm2m", "api", "valkey"):
            await _check_restart(data_folder / "ready.json", name)
        pids = pids_of(content(data_folder / "ready.json"))
        assert all(map(alive, pids))
        assert await up.end() == 0
        await gone(*pids)
        assert not (data_folder / "ready.json").exists()


def _check_ready_file(path: Path, ready: dict[str, Any]) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(ready["bootstrap"]) == set(ready["lwm2m"]) == SECURED | PLAIN
    servers = ("api", "api_https", "nats", "redis", "postgres")
    urls = [ready[name] for name in servers]
    for url in [*urls, ready["bootstrap"]["coap"], ready["lwm2m"]["coap"]]:
        assert urlsplit(url).port
        assert not url.endswith("/")
    assert {name: len(ready["processes"][name]) for name in SERVICES} == {
        **dict.fromkeys(SERVICES, 1),
        "lwm2m": 2,
    }


async def _check_api(ready: dict[str, Any]) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        devices = f"{ready['api']}/v3/devices/"
        key = {"Authorization": f"Bearer {ready['api_key']}"}
        assert (await client.get(devices, headers=key)).status_code == 200
        assert (await client.get(devices)).status_code == 401


async def _check_https(ready: dict[str, Any]) -> None:
    """Make a channel and open its socket, as clients do that know wss only."""
    known = ssl.create_default_context(cafile=ready["ca"])
    url, key = f"{ready['api_https']}/v2/notification/websocket", ready["api_key"]
    async with httpx.AsyncClient(verify=known, trust_env=False) as client:
        made = await client.put(url, headers={"Authorization": f"Bearer {key}"})
        assert made.status_code == 201
    async with connect(
        f"{url}-connect".replace("https", "wss"),
        ssl=known,
        subprotocols=[Subprotocol("wss"), Subprotocol(f"pelion_{key}")],
        proxy=None,
    ) as opened:
        assert opened.subprotocol == "wss"


async def _check_second_start_is_refused(data_folder: Path) -> None:
    async with homeport(
        "up", "--data", str(data_folder / "data"), "--ports", "auto"
    ) as second:
        assert await second.process.wait() == 2


async def _check_restart(path: Path, name: str) -> None:
    """Kill a process; its successor opens the same port and the file tells of it."""
    before = content(path)
    killed = before["processes"][name][0]
    os.kill(killed, signal.SIGKILL)

    async def back() -> bool:
        pids = content(path)["processes"][name]
        return killed not in pids and len(pids) == len(before["processes"][name])

    await until(back, seconds=30)
    unchanged = set(before) - {"processes"}
    after = content(path)
    assert {key: after[key] for key in unchanged} == {
        key: before[key] for key in unchanged
    }


async def test_its_sudden_end_leaves_no_process_behind(data_folder: Path) -> None:
    async with platform(data_folder) as (up, ready):
        assert set(ready["lwm2m"]) == SECURED
        assert ready["api_https"] is None
        up.process.kill()
        await gone(*pids_of(ready))
    async with platform(data_folder) as (_, again):
        assert again["api_key"] == ready["api_key"]
        assert again["platform_api_key"] == ready["platform_api_key"]
        await _check_api(again)


async def test_a_stop_during_the_start_is_a_clean_end(data_folder: Path) -> None:
    async with homeport(
        "up", "--data", str(data_folder / "data"), "--ports", "auto"
    ) as up:
        await up.logged(event_is("ready"))
        assert await up.end(signal.SIGINT) == 0
    assert not (data_folder / "data" / "ready.json").exists()


async def test_given_servers_and_a_given_certificate_are_used(
    data_folder: Path, redis_url: str, nats_url: str, postgres_url: str
) -> None:
    brought = https.establish(data_folder, "127.0.0.1")
    async with platform(
        data_folder,
        "--https",
        *("--redis-url", redis_url, "--nats-url", nats_url),
        *("--postgres-url", postgres_url),
        HOMEPORT_API_CERTIFICATE=str(brought.shown),
        HOMEPORT_API_KEY_FILE=str(brought.shown),
    ) as (_, ready):
        assert ready["ca"] is None
        known = ssl.create_default_context(cafile=brought.ca)
        async with httpx.AsyncClient(verify=known, trust_env=False) as client:
            answer = await client.get(f"{ready['api_https']}/v3/devices/")
            assert answer.status_code == 401
        assert ready["redis"] == redis_url
        assert set(ready["processes"]) == set(SERVICES)


async def test_a_process_whose_port_is_taken_names_it(data_folder: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        async with homeport(
            "up", "--data", str(data_folder / "data"), HOMEPORT_API_PORT=port
        ) as up:
            assert await up.process.wait() == 2
