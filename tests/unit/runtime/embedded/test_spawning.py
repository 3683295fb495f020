"""A program is alone on its data, and knows nothing of ours."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from homeport.runtime.embedded import users
from homeport.runtime.embedded.spawning import alone, spawn
from tests.support.polling import until


async def begin(command: str, folder: Path, lock: int) -> asyncio.subprocess.Process:
    with (folder / "said").open("wb") as said:
        return await spawn(
            ("/bin/sh", "-c", command),
            user=users.ourselves(),
            stop=signal.SIGTERM,
            folder=folder,
            output=said.fileno(),
            lock=lock,
        )


async def test_the_next_waits_for_every_process_of_the_one_before(
    tmp_path: Path,
) -> None:
    async with alone(tmp_path / "lock") as lock:
        first = await begin("sleep 60 & echo begun; wait", tmp_path, lock)

    async def begun() -> bool:
        return (tmp_path / "said").read_text() == "begun\n"

    await until(begun)
    second = asyncio.create_task(enter(tmp_path / "lock"))
    os.kill(first.pid, signal.SIGKILL)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(second), 0.2)
    os.killpg(first.pid, signal.SIGKILL)
    await asyncio.wait_for(second, 10)
    assert await first.wait() == -signal.SIGKILL


async def enter(path: Path) -> None:
    async with alone(path):
        pass


async def test_a_program_is_told_none_of_our_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMEPORT_DEFAULT_API_KEY", "secret")
    async with alone(tmp_path / "lock") as lock:
        process = await begin("env; pwd", tmp_path, lock)
    assert await process.wait() == 0
    said = (tmp_path / "said").read_text()
    assert "secret" not in said
    assert said.endswith(f"{tmp_path}\n")
