"""How long the event loop of a process that serves is kept from turning."""

import asyncio

from prometheus_client import Gauge, Histogram

LOOK_SECONDS = 0.02

_PAUSES = Histogram(
    "homeport_loop_pause_seconds",
    "How late the event loop came to a timer.",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
_LONGEST = Gauge("homeport_loop_longest_pause_seconds", "The longest since the start.")


async def watch() -> None:
    """Measure until cancelled."""
    loop = asyncio.get_running_loop()
    longest = 0.0
    while True:
        due = loop.time() + LOOK_SECONDS
        await asyncio.sleep(LOOK_SECONDS)
        pause = max(0.0, loop.time() - due)
        _PAUSES.observe(pause)
        if pause > longest:
            longest = pause
            _LONGEST.set(longest)
