"""`homeport try`: what an operator asks after an installation, answered."""

import asyncio
import sys

import pytest

from tests.support.system import Application, System

pytestmark = pytest.mark.e2e


async def test_a_device_comes_home_and_leaves_nothing_behind(
    shared: System, application: Application
) -> None:
    devices, before = await application.states(), await certificates(application)
    code, said, _ = await homeport_try(shared)
    assert (code, said.splitlines()[-1]) == (0, "the directory knows it as registered")
    assert (await application.states()).keys() <= devices.keys()
    assert await certificates(application) == before


async def test_a_key_that_opens_nothing_is_said(shared: System) -> None:
    code, _, wrong = await homeport_try(shared, "--key", "ak_1wrong")
    assert code == 1
    assert wrong.startswith("homeport: the API answered 401")


async def certificates(application: Application) -> list[str]:
    listed = await application.read("/v3/trusted-certificates")
    return [each["name"] for each in listed["data"]]


async def homeport_try(shared: System, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "homeport", "try"),
        *("--ready-file", str(shared.ready_file), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, wrong = await process.communicate()
    return process.returncode or 0, said.decode(), wrong.decode()
