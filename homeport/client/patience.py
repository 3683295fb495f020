"""How often a call is made again, and after how long."""

from dataclasses import dataclass

from homeport.client.calls import Answer

_NOT_NOW = frozenset({429, 503})
"""Nothing has been done: any call may be made again."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Makes a call up to ``attempts`` times, never waiting more than ``longest``.

    Only an API that says when to come again is asked again.
    """

    attempts: int = 3
    longest: float = 30.0
    """Seconds; one that wants more is not waited for."""

    def pause(self, answer: Answer, *, attempt: int) -> float | None:
        """Return how many seconds to wait after an attempt, the first being 1.

        None says that the answer has to do.
        """
        wanted = answer.retry_after
        if answer.status not in _NOT_NOW or wanted is None:
            return None
        return wanted if attempt < self.attempts and wanted <= self.longest else None
