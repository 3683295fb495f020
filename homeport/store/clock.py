"""The store's clock, seen from a process whose own wall clock nobody trusts.

Times that are compared with each other are all Redis' own (design.md, Revision). A
process knows them by its monotonic clock and the offset that it learns with every
heartbeat, so that a wall clock that jumps changes nothing.
"""

from collections.abc import Callable


class StoreClock:
    """Converts monotonic seconds to microseconds of Redis' clock."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._offset: float | None = None

    def learn(self, microseconds: int, *, asked: float) -> None:
        """Take what Redis said; ``asked`` is the monotonic time of the question.

        An answer is as old as its way back took: counting from the question errs by
        that little, towards operations that look younger.
        """
        self._offset = microseconds - asked * 1e6

    def microseconds(self, moment: float) -> int:
        """Return a monotonic moment as Redis' time; learn must have been called."""
        if self._offset is None:
            raise ValueError("the store's clock has not been learned")
        return int(self._offset + moment * 1e6)

    def now(self) -> float:
        """Return this process's monotonic time in seconds."""
        return self._monotonic()
