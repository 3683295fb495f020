"""Tasks that a process cannot do without."""

import asyncio
import os
from collections.abc import Coroutine
from typing import Any

import structlog

BROKEN = 70
"""The exit code of a process that has lost one (EX_SOFTWARE)."""

RETRY_SECONDS = 0.5

_log = structlog.get_logger()


def vital(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Begin a task; should it ever break, the process ends at once.

    It would live on and do nothing, where its supervisor begins a new one within a
    second. A process may die at any line, so nothing that was said is lost.
    """
    task = asyncio.create_task(work)
    task.add_done_callback(_examine)
    return task


async def end(task: asyncio.Task[None]) -> None:
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
