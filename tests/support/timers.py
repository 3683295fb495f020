"""A clock that jumps where a test wants it to."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count


class Clock:
    """Goes on as another one does, and ahead of that."""

    def __init__(self, running: Callable[[], float] = lambda: 1_000.0) -> None:
        self._running = running
        self._ahead = 0.0
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._cancelled: set[int] = set()
        self._numbers = count()

    def time(self) -> float:
        return self._running() + self._ahead

    def call_at(self, when: float, callback: Callable[[], None]) -> "Timer":
        number = next(self._numbers)
        heapq.heappush(self._timers, (when, number, callback))
        return Timer(self._cancelled, number)

    def advance(self, seconds: float) -> None:
        """Let time pass, and do whatever is due on the way, when it is."""
        target = self.time() + seconds
        while self._timers and self._timers[0][0] <= target:
            when, number, callback = heapq.heappop(self._timers)
            if number not in self._cancelled:
                self._ahead = max(self._ahead, when - self._running())
                callback()
        self._ahead = target - self._running()


@dataclass(frozen=True)
class Timer:
    """Something that the clock will do."""

    cancelled: set[int]
    number: int

    def cancel(self) -> None:
        self.cancelled.add(self.number)
