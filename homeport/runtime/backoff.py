"""How long to wait before something that failed is tried again."""

FIRST_SECONDS = 0.1
LONGEST_SECONDS = 10.0
STEADY_SECONDS = 30.0
"""What has worked for this long has recovered: the next wait is short again."""


class Backoff:
    """Waits that double, and start over once something has worked for a while."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def delay(self, *, worked_seconds: float = 0) -> float:
        """Return the next wait in seconds, given how long the last try worked."""
        if worked_seconds >= STEADY_SECONDS:
            self._next = FIRST_SECONDS
        delay, self._next = self._next, min(self._next * 2, LONGEST_SECONDS)
        return delay
