"""How many calls each API key may make: token buckets, in the memory of a process.

No clock is read here: time is an argument.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass

MOST_KEYS = 10_000
"""Keys that are remembered; who has not called for the longest time is forgotten."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class Quotas:
    """Lets a key make so many calls a second, and those of a second at once."""

    def __init__(self, per_second: float, *, most_keys: int = MOST_KEYS) -> None:
        self._rate = per_second
        self._room = max(per_second, 1.0)
        self._most = most_keys
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._buckets)

    def take(self, key_id: str, now: float) -> float:
        """Count a call; return after how many seconds it may be made, 0 for now.

        A call that has to wait does not count.
        """
        bucket = self._bucket(key_id, now)
        if bucket.tokens < 1.0:
            return (1.0 - bucket.tokens) / self._rate
        bucket.tokens -= 1.0
        return 0.0

    def _bucket(self, key_id: str, now: float) -> _Bucket:
        bucket = self._buckets.setdefault(key_id, _Bucket(self._room, now))
        self._buckets.move_to_end(key_id)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        gained = (now - bucket.filled_at) * self._rate
        bucket.tokens = min(self._room, bucket.tokens + gained)
        bucket.filled_at = now
        return bucket


def retry_after(seconds: float) -> str:
    """Write a wait as HTTP does: whole seconds, one at least (RFC 9110 §10.2.3)."""
    return str(max(1, math.ceil(seconds)))
