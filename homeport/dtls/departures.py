"""Associations that leave memory: to rest in the store, or for good."""

import asyncio
from collections.abc import Sequence

from homeport.associations import Associations, Floating
from homeport.dtls import observability
from homeport.dtls.association import Association
from homeport.dtls.batches import Batches
from homeport.dtls.live import LARGEST_SHARE, Live, LiveAssociations
from homeport.errors import Unavailable

SWEEP_SECONDS = 1.0


class Departures:
    """Lets associations go that nobody uses, and ends those that are over."""

    def __init__(self, associations: Associations, live: LiveAssociations) -> None:
        self._associations = associations
        self._live = live
        self._loop = asyncio.get_running_loop()
        self._drops: Batches[Floating, None] = Batches(self._drop)

    async def run(self) -> None:
        """Serve until cancelled."""
        await asyncio.gather(self._drops.run(), self._sweep())

    def end(self, live: Live, reason: str) -> None:
        """End an association, here and everywhere."""
        self._live.drop(live)
        observability.record_ended(reason)
        if isinstance(live.records, Association):
            self._drops.put(live.state(live.records), _regardless)
        else:
            live.records.close()

    async def drain(self) -> None:
        """Write down how far associations have come; raise Unavailable."""
        await self._rest(list(self._live))

    async def _sweep(self) -> None:
        """Let associations go that nobody uses; the store has them."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            while popped := self._live.pop_idle(self._loop.time(), most=LARGEST_SHARE):
                try:
                    await self._rest(popped)
                except Unavailable:
                    observability.record_dropped("store")
            observability.record_associations(len(self._live))

    async def _rest(self, resting: Sequence[Live]) -> None:
        states = []
        for live in resting:
            if isinstance(live.records, Association):
                states.append(live.state(live.records))
            else:
                live.records.close()
        for begin in range(0, len(states), LARGEST_SHARE):
            await self._associations.rest(states[begin : begin + LARGEST_SHARE])

    async def _drop(self, ended: Sequence[Floating]) -> list[None]:
        await self._associations.drop(ended)
        return [None] * len(ended)


def _regardless(_answer: object) -> None:
    """Take it that a store keeps what it was to forget; it forgets by itself."""
