"""The pauses of the loop are measured."""

import asyncio

from prometheus_client import REGISTRY

from homeport.runtime import pauses


def longest() -> float:
    return REGISTRY.get_sample_value("homeport_loop_longest_pause_seconds") or 0


async def test_a_pause_is_seen_and_the_longest_kept() -> None:
    watching = asyncio.create_task(pauses.watch())
    loop = asyncio.get_running_loop()
    await asyncio.sleep(0)
    end = loop.time() + 0.2
    while loop.time() < end:
        pass
    async with asyncio.timeout(10):
        while longest() < 0.1:
            await asyncio.sleep(pauses.LOOK_SECONDS)
    watching.cancel()
