"""A process that has lost a vital task ends and says why."""

import asyncio
import subprocess
import sys

import pytest

from homeport.runtime.tasks import BROKEN, end, first, vital

SCRIPT = """
import asyncio
from homeport.runtime import logs
from homeport.runtime.tasks import vital

async def serve():
    raise LookupError("what nobody thought of")

async def main():
    logs.configure("info", service="test")
    vital(serve())
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_a_broken_one_ends_the_process() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ended.returncode == BROKEN
    assert '"event":"broken"' in ended.stdout
    assert "what nobody thought of" in ended.stdout


async def test_one_that_ends_or_is_cancelled_is_no_matter() -> None:
    async def work() -> None:
        await asyncio.sleep(0)

    await vital(work())
    task = vital(work())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_one_that_swallows_a_cancellation_is_ended_all_the_same() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    task = vital(stubborn())
    await asyncio.sleep(0)
    await end(task)
    assert task.cancelled()


async def test_the_first_to_end_counts_and_the_others_are_cancelled() -> None:
    cancelled = asyncio.Event()

    async def endless() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return "never"

    async def short() -> str:
        await asyncio.sleep(0)
        return "short"

    assert await first(endless(), short()) == "short"
    assert cancelled.is_set()


async def test_of_two_that_end_at_once_the_one_named_first_counts() -> None:
    async def named(name: str) -> str:
        return name

    assert await first(named("a"), named("b")) == "a"


async def test_what_the_first_raises_is_raised() -> None:
    async def failing() -> str:
        raise LookupError

    with pytest.raises(LookupError):
        await first(failing(), asyncio.Event().wait())
