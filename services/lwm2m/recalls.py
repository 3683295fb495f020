"""Devices that an edge has to find by itself: it has not heard them, or not for long.

The store knows where a device was heard last, whichever edge that was. One edge alone
looks for a device: the one that has it by the store's word, and where that is gone the
one that hears of it (`services.lwm2m.pokes`), or that has its bucket by now.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from homeport import names
from homeport.errors import Unavailable
from homeport.identity import Service
from homeport.names import DeviceId, EdgeId
from homeport.protocol import profiles
from homeport.runtime import relay
from homeport.runtime.edge import Ground
from homeport.runtime.tasks import vital
from homeport.store.edges import DEAD_AFTER_MILLISECONDS, EdgeRegistry
from homeport.store.operations import Outcome, RecalledSession, Result
from homeport.store.queue import RequestQueue
from homeport.store.requests import Recall
from services.lwm2m import observability

AT_ONCE = 50
PAUSE_SECONDS = 0.25
"""Between two looks at the store: 200 devices a second are looked for, and no more."""
MOST = 10_000
"""Devices that may wait to be looked for; others wait until they speak."""
LOOK_SECONDS = 1.0
RETRY_SECONDS = 1.0


class Ports(Protocol):
    """The ports of the edge."""

    def wake(self, device: DeviceId) -> bool:
        """Look at a device's queue; say whether it is here."""

    async def recall(
        self, device: DeviceId, recalled: RecalledSession, awake: float
    ) -> bool:
        """Look at a device's queue that was heard by another edge; say if it is here.

        It was ``awake`` for so many seconds after that. Raises Unavailable.
        """


class Recalls:
    """Looks for devices, each once at a time; repeating it is harmless.

    In queue mode devices are ``awake_seconds`` long awake, unless their kind is known
    to sleep earlier.
    """

    def __init__(
        self,
        base: Ground,
        ports: Ports,
        *,
        buckets: int,
        awake_seconds: float,
    ) -> None:
        self._edge = base.edge
        self._store = base.store
        self._now = base.clock.now
        self._queue = RequestQueue(base.redis, base.store)
        self._registry = EdgeRegistry(base.redis, base.clock)
        self._buckets = buckets
        self._awake_seconds = awake_seconds
        self._ports = ports
        self._wanted: dict[DeviceId, EdgeId] = {}
        self._closing = asyncio.Event()
        self._wanting, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()
        self._living: frozenset[EdgeId] = frozenset()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Entered: devices are looked for. Left: what was begun with is over."""
        looking = [vital(self._look_for_devices()), vital(self._look_at_edges())]
        try:
            yield
        finally:
            for each in (self._closing, self._wanting, self._room):
                each.set()
            await asyncio.wait(looking)

    def wake(self, device: DeviceId) -> bool:
        """Look at a device's queue; one that is not here is looked for."""
        here = self._ports.wake(device)
        if not here:
            self._want(device, self._edge)
        return here

    def inherit(self, edge: EdgeId, device: DeviceId) -> bool:
        """Look for a device of another edge, if that is gone; say whether it is."""
        if not self._living or edge in self._living:
            return False
        self._want(device, edge)
        return True

    def _want(self, device: DeviceId, owner: EdgeId) -> None:
        if device in self._wanted or len(self._wanted) < MOST:
            self._wanted[device] = owner
            self._wanting.set()
        if len(self._wanted) > MOST // 2:
            self._room.clear()

    async def _look_for_devices(self) -> None:
        while not self._closing.is_set():
            await self._wanting.wait()
            taken = list(self._wanted)[:AT_ONCE]
            batch = {device: self._wanted.pop(device) for device in taken}
            if not self._wanted:
                self._wanting.clear()
            if len(self._wanted) <= MOST // 2:
                self._room.set()
            try:
                await self._recall(batch)
            except Unavailable as error:
                observability.record_away(str(error), len(batch))
                for device, owner in batch.items():
                    self._want(device, owner)
                await self._pause(RETRY_SECONDS)
            await self._pause(PAUSE_SECONDS)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    async def _recall(self, wanted: Mapping[DeviceId, EdgeId]) -> None:
        """Ask the store for devices, and reach those that are ours by that."""
        gone = {self._edge, *await self._gone(set(wanted.values()) - {self._edge})}
        recalls = [
            Recall(self._store.bucket(device), device, owner)
            for device, owner in wanted.items()
            if owner in gone and not self._ports.wake(device)
        ]
        outcomes = await self._store.execute(recalls, arrived=self._now())
        for recall, outcome in zip(recalls, outcomes, strict=True):
            await self._recalled(recall.device, outcome)

    async def _gone(self, edges: set[EdgeId]) -> list[EdgeId]:
        asked = sorted(edges)
        silences = await self._registry.silences(asked)
        return [
            edge
            for edge, silence in zip(asked, silences, strict=True)
            if silence > DEAD_AFTER_MILLISECONDS
        ]

    async def _recalled(self, device: DeviceId, outcome: Outcome) -> None:
        result = outcome.result.value
        if isinstance(outcome, RecalledSession):
            profile = profiles.named(outcome.profile)
            awake = profile.awake_seconds or self._awake_seconds
            if outcome.queue_mode and outcome.silent_milliseconds > awake * 1000:
                result = Result.ASLEEP.value
            elif not await self._ports.recall(device, outcome, awake):
                result = "lost"
        observability.record_recalled(result)

    async def _look_at_edges(self) -> None:
        """Search for what edges leave that are gone, whenever one of them is.

        After the store was away some live that have not said so yet: two looks count.
        """
        searched = before = frozenset[EdgeId]()
        while not self._closing.is_set():
            try:
                seen = frozenset((await self._registry.look()).edges)
                self._living, before = seen | before, seen
                if self._living != searched:
                    await self._search(self._living)
                    searched = self._living
            except Unavailable as error:
                observability.record_away(str(error), 0)
            await self._pause(LOOK_SECONDS)

    async def _search(self, living: frozenset[EdgeId]) -> None:
        """Look through our share of the buckets for requests of edges that are gone."""
        ours = [each for each in living if names.service_of(each) == Service.LWM2M]
        for bucket in relay.share(self._edge, ours, self._buckets):
            async for stranded in self._queue.stranded(bucket, living):
                await self._room.wait()
                if self._closing.is_set():
                    return
                for device, owner in stranded:
                    self._want(device, owner)
