"""The living edges, and whether devices can reach the platform at all."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from homeport.names import EdgeId
from homeport.store import keys
from homeport.store.clock import StoreClock
from homeport.store.connection import Connection, reaching
from homeport.store.scripts import HEARTBEAT

DEAD_AFTER_MILLISECONDS = 5_000
OUTAGE_AFTER_MILLISECONDS = 10_000


@dataclass(frozen=True, slots=True)
class Heartbeats:
    """What one look at the heartbeats shows; times are Redis' in milliseconds.

    ``last_beat`` is None before the first edge ever started, which is no outage.
    """

    now: float
    last_beat: float | None
    outage_ended: float | None
    edges: tuple[EdgeId, ...]

    @property
    def outage(self) -> bool:
        """Whether no device can reach the platform now (B-108)."""
        if self.last_beat is None:
            return False
        return self.now - self.last_beat > OUTAGE_AFTER_MILLISECONDS


class EdgeRegistry:
    """Beats for this replica and sees the others."""

    def __init__(self, connection: Connection, clock: StoreClock) -> None:
        self._redis = connection
        self._clock = clock

    async def beat(self, edge: EdgeId, *, registers: bool) -> Heartbeats:
        """Say that an edge lives; ``registers`` where devices register at it."""
        return await self._look(edge, registers="1" if registers else "")

    async def look(self) -> Heartbeats:
        """See without being seen."""
        return await self._look("", registers="")

    async def silences(self, edges: Sequence[EdgeId]) -> list[float]:
        """Return for how many milliseconds edges have not beaten; inf for the dead."""
        if not edges:
            return []
        now = (await self.look()).now
        with reaching():
            beats = await self._redis.zmscore(keys.edges(), list(edges))
        return [math.inf if beat is None else max(now - beat, 0) for beat in beats]

    async def leave(self, edge: EdgeId) -> None:
        """Take a draining edge from the living ones, so that others take its work."""
        with reaching():
            await self._redis.zrem(keys.edges(), edge)

    async def _look(self, edge: str, *, registers: str) -> Heartbeats:
        asked = self._clock.now()
        now, last, ended, edges = await HEARTBEAT(
            self._redis,
            [keys.edges(), keys.heartbeat()],
            [edge, DEAD_AFTER_MILLISECONDS, OUTAGE_AFTER_MILLISECONDS, registers],
        )
        self._clock.learn(int(now), asked=asked)
        return Heartbeats(
            now=int(now) / 1000,
            last_beat=float(last) if last else None,
            outage_ended=float(ended) if ended else None,
            edges=tuple(EdgeId(member.decode()) for member in edges),
        )
