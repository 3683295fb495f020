"""Waiting for what another process does, with a deadline and no fixed sleep."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(
    condition: Callable[[], Awaitable[object]], *, seconds: float = 20
) -> None:
    """Return as soon as a condition holds; fail when it does not in time."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)
