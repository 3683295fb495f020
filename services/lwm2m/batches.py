"""What waits for the store, done in batches: one script call a batch.

While a call is under way, what arrives collects for the next one: the busier the edge,
the fuller its batches, and nothing ever waits for a timer.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple

from homeport.coap import defects
from homeport.coap.answer import Answer
from homeport.coap.codec import Renewal
from homeport.coap.layer import Notification, Request, Stray
from homeport.coap.transport import Peer
from homeport.errors import Unavailable
from homeport.names import DeviceId
from homeport.store.operations import Operation, Outcome, Result
from homeport.store.requests import Hold, Take
from homeport.store.sessions import SessionStore, StoredSession
from services.lwm2m import handlers, observability, reports
from services.lwm2m.asked import Delta, Denial, Registering, Said
from services.lwm2m.kinds import RECOGNIZED, Kinds
from services.lwm2m.ports import Told
from services.lwm2m.reports import Sent

CONFLICTS = 3
"""How often a delta is merged again before its device has to repeat it."""

_SEEING = (Delta, Sent)
"""What needs to see a session before it is an operation."""
_SILENT = (Take, Hold)
"""Operations that record nothing to publish."""


@dataclass(slots=True)
class Work(Generic[Peer]):
    """What a device has said; ``arrived`` is in loop time.

    Nobody waits for an answer to a notification that has been fetched whole.
    """

    operation: Said | Registering | Delta | Sent | Denial
    said: Request[Peer] | Renewal | Notification[Peer] | Stray[Peer] | None
    peer: Peer
    arrived: float
    conflicts: int = 0


class Ready(NamedTuple, Generic[Peer]):
    """Work that has become an operation; a tuple, since every update is one."""

    work: Work[Peer]
    operation: Said


@dataclass(frozen=True, slots=True)
class Errand:
    """What the downlink wants done, and who hears what came of it."""

    operation: Operation
    told: Told
    arrived: float


@dataclass(frozen=True, slots=True)
class Ends(Generic[Peer]):
    """Where work goes.

    ``settle`` takes what was done, ``refuse`` what could not be, ``away`` what has met
    no store, ``forget`` what has met a defect; ``done`` hears that a batch is over.
    """

    settle: Callable[[Work[Peer], Said, Outcome], None]
    refuse: Callable[[Work[Peer], Answer], None]
    away: Callable[[Work[Peer]], None]
    forget: Callable[[Work[Peer]], None]
    done: Callable[[], None]


class Batches(Generic[Peer]):
    """Work and errands of one port: ``largest`` in a batch, in the order they came.

    ``recorded`` is told in which buckets there may be something to publish. ``kinds``
    are asked what accounts know of devices that register.
    """

    def __init__(
        self,
        store: SessionStore,
        ends: Ends[Peer],
        *,
        largest: int,
        recorded: Callable[[Collection[int]], None],
        kinds: Kinds = RECOGNIZED,
    ) -> None:
        self._store = store
        self._kinds = kinds
        self._ends = ends
        self._largest = largest
        self._recorded = recorded
        self._waiting: deque[Work[Peer] | Errand] = deque()
        self._wanted = asyncio.Event()
        self._closing = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, work: Work[Peer] | Errand) -> None:
        """Let something wait for its turn, of which `start` says that it has come."""
        self._waiting.append(work)

    def start(self) -> None:
        """Begin with what waits, if anything does."""
        if self._waiting:
            self._wanted.set()

    async def run(self) -> None:
        """Work until closed, and until nothing waits."""
        while not self._closing:
            await self._wanted.wait()
            self._wanted.clear()
            while self._waiting:
                await self._turn()

    def close(self) -> None:
        """Let `run` end."""
        self._closing = True
        self._wanted.set()

    async def _turn(self) -> None:
        """Do one batch: read what needs that, one script call, then the answers."""
        waiting = self._waiting
        batch = [waiting.popleft() for _ in range(min(self._largest, len(waiting)))]
        observability.record_batch(len(batch), len(waiting))
        try:
            ready = await self._resolve(batch)
            outcomes = await self._store.execute(
                [each.operation for each in ready],
                arrived=min(each.arrived for each in batch),
            )
        except Unavailable as error:
            observability.record_away(str(error), len(batch))
            for each in batch:
                if isinstance(each, Errand):
                    each.told(None)
                else:
                    self._ends.away(each)
        else:
            self._recorded(
                {
                    each.operation.bucket
                    for each in ready
                    if not isinstance(each.operation, _SILENT)
                }
            )
            for done, outcome in zip(ready, outcomes, strict=True):
                try:
                    self._settle(done, outcome)
                except Exception as error:  # noqa: BLE001 # it costs this one alone
                    defects.record(error, where="lwm2m")
        self._ends.done()

    def _settle(self, done: Ready[Peer] | Errand, outcome: Outcome) -> None:
        if isinstance(done, Errand):
            done.told(outcome)
            return
        work = done.work
        if outcome.result is Result.CONFLICT and work.conflicts < CONFLICTS:
            work.conflicts += 1
            self._waiting.append(work)
        else:
            self._ends.settle(work, done.operation, outcome)

    async def _resolve(
        self, batch: Sequence[Work[Peer] | Errand]
    ) -> list[Ready[Peer] | Errand]:
        """Turn what needs to see a session into operations on the one that it sees."""
        devices = [
            _device(each.operation)
            for each in batch
            if isinstance(each.operation, _SEEING)
        ]
        sessions = iter(await self._store.read(devices) if devices else ())
        asked = [each.operation for each in batch]
        wanted = [each.account for each in asked if isinstance(each, Registering)]
        if wanted:
            await self._kinds.learn(wanted)
        ready: list[Ready[Peer] | Errand] = []
        refused: list[tuple[Work[Peer], Answer]] = []
        for each in batch:
            if isinstance(each, Errand):
                ready.append(each)
                continue
            session = next(sessions) if isinstance(each.operation, _SEEING) else None
            try:
                resolved = _resolved(each.operation, session, self._kinds)
            except Exception as error:  # noqa: BLE001 # it costs this one alone
                defects.record(error, where="lwm2m")
                self._ends.forget(each)
                continue
            if isinstance(resolved, Answer):
                refused.append((each, resolved))
            else:
                ready.append(Ready(each, resolved))
        for work, answer in refused:
            self._ends.refuse(work, answer)
        return ready


def _resolved(
    asked: Said | Registering | Delta | Sent | Denial,
    session: StoredSession | None,
    kinds: Kinds,
) -> Said | Answer:
    match asked:
        case Denial(operation=operation):
            return operation
        case Delta() as delta:
            return handlers.resolve(delta, session)
        case Sent() as sent:
            return reports.resolve(sent, session)
        case Registering() as registering:
            return handlers.register(registering, kinds)
        case operation:
            return operation


def _device(asked: Delta | Sent) -> DeviceId:
    return asked.report.device if isinstance(asked, Sent) else asked.update.device
