"""`homeport simulate`, as a script or a platform starts it."""

import asyncio
import signal
import socket
import sys
from functools import partial
from pathlib import Path

import httpx
import pytest

from homeport.coap.codec import Code
from homeport.runtime import lifeline
from homeport.runtime.lifeline import Announcement, Refusal
from tests.support.homeport import event_is, gone, homeport, platform
from tests.support.polling import until
from tests.support.server import server

pytestmark = pytest.mark.integration

ONE = ("simulate", "--devices", "1", "--turn", "0.05", "--mix", "update=1")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_with_a_summary(number: signal.Signals) -> None:
    with server() as lwm2m:
        async with homeport(*ONE, "--lwm2m", lwm2m.url) as command:
            heard = await lwm2m.hear(Code.POST, "rd")
            lwm2m.answer(heard, Code.CREATED, location=("rd", "abc"))
            await lwm2m.hear(Code.POST, "rd", "abc")
            assert await command.end(number) == 0
    (summary,) = command.events
    assert summary["event"] == "fleet summary"
    assert (summary["devices"], summary["home"]) == (1, 1)
    assert summary["operations"]["register"]["outcomes"] == {"2.01": 1}
    assert set(summary["operations"]["register"]) == {
        *("outcomes", "p50_ms", "p90_ms", "p99_ms")
    }


async def test_a_device_that_does_not_come_home_is_a_failure(tmp_path: Path) -> None:
    with server() as nobody:
        async with homeport(
            *(*ONE, "--lwm2m", nobody.url, "--seconds", "0.3"),
            *("--journal", str(tmp_path / "journal")),
        ) as command:
            summary = await command.logged(event_is("fleet summary"))
            assert await command.process.wait() == 1
    assert (summary["devices"], summary["home"], summary["operations"]) == (1, 0, {})
    assert (tmp_path / "journal").read_bytes() == b""


async def test_a_fleet_ends_with_its_platform() -> None:
    with server() as lwm2m:
        process, ours = await started("--lwm2m", lwm2m.url)
        assert await said(ours) == Announcement(probes="")
        ours.close()
        await gone(process.pid)
        await process.wait()


async def test_a_platform_is_told_what_is_wrong() -> None:
    process, ours = await started("--lwm2m", "coap://127.0.0.1")
    sentence = "coap://127.0.0.1 is not coap[s]://<host>:<port>"
    assert await said(ours) == Refusal(sentence)
    assert await process.wait() == 2
    ours.close()


async def test_a_platform_brings_its_fleet_home_by_a_developer_certificate(
    data_folder: Path,
) -> None:
    for start in (1, 2):
        async with (
            platform(data_folder, "--devices", "2") as (_, ready),
            httpx.AsyncClient(
                base_url=ready["api"],
                headers={"authorization": f"Bearer {ready['api_key']}"},
            ) as api,
        ):
            await until(partial(registered, api, 2 * start), seconds=30)
            trusted = (await api.get("/v3/trusted-certificates")).json()["data"]
            assert len(trusted) == 1


async def registered(api: httpx.AsyncClient, count: int) -> bool:
    answer = await api.get("/v3/devices/", params={"state__eq": "registered"})
    return len(answer.json()["data"]) == count


async def started(*arguments: str) -> tuple[asyncio.subprocess.Process, socket.socket]:
    """Start a fleet as a platform does."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "homeport", *ONE, *arguments),
            f"--lifeline={theirs.fileno()}",
            pass_fds=(theirs.fileno(),),
            stderr=asyncio.subprocess.DEVNULL,
        )
    return process, ours


async def said(ours: socket.socket) -> Announcement | Refusal:
    line = await asyncio.get_running_loop().sock_recv(ours, 65_536)
    return lifeline.parse(line)
