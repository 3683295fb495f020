"""What handshakes have to do, and the loop's time that they may take for it."""

import asyncio
from collections import deque
from collections.abc import Callable

TURN_SECONDS = 0.005
"""How long handshakes may keep the loop from everything else at a time."""
MOST_WAITING = 4096
"""Datagrams of handshakes that wait for their turn."""

Turn = Callable[[], None]


class Backlog:
    """Turns, taken in order for a while at a time; none is before `begin`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._turns: deque[Turn] = deque()
        self._begun = False
        self._busy = False

    def begin(self) -> None:
        """Take turns from now on."""
        self._begun = True
        self.go_on()

    def offer(self, turn: Turn) -> bool:
        """Add a turn; False where too many wait."""
        if len(self._turns) >= MOST_WAITING:
            return False
        self._turns.append(turn)
        return True

    def add(self, turn: Turn) -> None:
        """Add a turn that is owed to somebody, however many wait."""
        self._turns.append(turn)

    def go_on(self) -> None:
        """Take turns for a while, now; if that is not enough, as soon as others had."""
        if self._turns and self._begun and not self._busy:
            self._take()

    def _take(self) -> None:
        """Take turns for a while; one that breaks takes no other with it."""
        turns, time = self._turns, self._loop.time
        end = time() + TURN_SECONDS
        try:
            while turns and time() < end:
                turns.popleft()()
        finally:
            self._busy = bool(turns)
            if self._busy:
                self._loop.call_soon(self._take)
