"""Figures, and how they are shown."""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

from bench.processes import cpu_seconds

PATIENCE_SECONDS = 60
_PERCENTS = (50, 90, 99)


class Processes:
    """The platform's processes, and the CPU time that they use from now on."""

    def __init__(self, ready: Mapping[str, Any]) -> None:
        self._named: Mapping[str, Sequence[int]] = ready["processes"]
        self._before = self._used()

    def shown(self, count: int) -> str:
        """Say what one of so many things costs, and whom most."""
        now = self._used()
        spent = {name: (now[name] - self._before[name]) * 1e6 / count for name in now}
        most = sorted(spent.items(), key=itemgetter(1), reverse=True)
        shown = ", ".join(f"{name} {cost:.0f}" for name, cost in most if cost >= 1)
        return f"{sum(spent.values()):.0f} µs of CPU: {shown}"

    def _used(self) -> dict[str, float]:
        return {
            name: sum(map(cpu_seconds, _with_children(pids)))
            for name, pids in self._named.items()
        }


def _with_children(pids: Iterable[int]) -> Iterator[int]:
    for pid in pids:
        yield pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        yield from _with_children(map(int, children.read_text().split()))


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not true():
            await asyncio.sleep(0.05)


def percentile(seconds: Iterable[float], percent: int) -> float:
    """Return what so many percent stay below."""
    ordered = sorted(seconds)
    return ordered[(len(ordered) - 1) * percent // 100]


def shown(seconds: Iterable[float]) -> str:
    """Say how long things took."""
    ordered = sorted(seconds)
    return ", ".join(
        f"p{percent} {1000 * percentile(ordered, percent):.1f} ms"
        for percent in _PERCENTS
    )


def loaded() -> str:
    """Say how busy the machine was: others may have used it, too."""
    return f"  (load {os.getloadavg()[0]:.1f})"
