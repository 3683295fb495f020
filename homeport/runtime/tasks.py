"""Tasks that a process cannot do without, and tasks that race."""

import asyncio
import os
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

BROKEN = 70
"""The exit code of a process that has lost one (EX_SOFTWARE)."""

RETRY_SECONDS = 0.5

Result = TypeVar("Result")

_log = structlog.get_logger()


def vital(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Begin a task; should it ever break, the process ends at once.

    It would live on and do nothing, where its supervisor begins a new one within a
    second. A process may die at any line, so nothing that was said is lost.
    """
    task = asyncio.create_task(work)
    task.add_done_callback(_examine)
    return task


async def first(*works: Coroutine[Any, Any, Result]) -> Result:
    """Return or raise what the first of several works comes to; cancel the others.

    Of those that end at once, the one that is named first counts.
    """
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            await end(task)
        await asyncio.gather(*tasks, return_exceptions=True)
    return next(task for task in tasks if task in done).result()


async def end(task: asyncio.Task[Any]) -> None:
    """Cancel a task until it is over; what is under way may swallow a first attempt."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=RETRY_SECONDS)


def _examine(task: asyncio.Task[None]) -> None:
    if task.cancelled():
        return
    error = task.exception()
    if error is not None:
        _log.critical("broken", exc_info=error)
        os._exit(BROKEN)
