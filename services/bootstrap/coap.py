"""The CoAP side of the bootstrap edge: what devices ask, and what is recorded of it.

While a script call is under way, what is to be recorded collects for the next one.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic

from homeport.coap.answer import Answer
from homeport.coap.layer import Failure, Fetched, MessageLayer, Reply, Request
from homeport.coap.transport import Arrival, Peer, Transport
from homeport.errors import Unavailable
from homeport.protocol.bootstrap import ENROLLMENT_PATH, Failed, Finished
from homeport.store.operations import Bootstrapped, Outcome, Result
from homeport.store.sessions import SessionStore
from homeport.store.trust_reader import TrustReader
from homeport.store.trust_writer import TrustWriter
from services.bootstrap import handlers, observability
from services.bootstrap.handlers import (
    Asked,
    Attempt,
    Claiming,
    Denial,
    Enroll,
    Scene,
)
from services.bootstrap.issuing import Particulars
from services.bootstrap.running import Patience, Runs

RETRY_SECONDS = 1.0
"""How long an end waits to be recorded when the store was away."""
BATCH = 256


@dataclass(frozen=True, slots=True)
class Beginning(Generic[Peer]):
    """A request on its way through the store."""

    asked: Asked | Claiming | Denial
    request: Request[Peer]
    arrived: float


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a bootstrap on its way through the store."""

    operation: Bootstrapped
    arrived: float


@dataclass(frozen=True, slots=True)
class Stores:
    """What a listener asks of the stores, and their clock (ms since 1970).

    ``recorded`` is told when something is.
    """

    sessions: SessionStore
    reader: TrustReader
    writer: TrustWriter
    recorded: Callable[[], None]
    now_milliseconds: Callable[[], int]


class Listener(Generic[Peer]):
    """One port of the bootstrap edge, whatever its transport is.

    ``most`` is how many bootstraps may be under way at once.
    """

    def __init__(
        self,
        transport: Transport[Peer],
        stores: Stores,
        scene: Scene,
        *,
        patience: Patience,
        most: int,
    ) -> None:
        self._transport = transport
        self._stores = stores
        self._scene = scene
        self._most = most
        self._layer: MessageLayer[Peer] = MessageLayer(
            largest_szx=transport.largest_szx, proven=transport.proven
        )
        self._runs = Runs(
            self._layer,
            scene,
            patience=patience,
            now_milliseconds=stores.now_milliseconds,
            ended=self._end,
            flush=self._flush,
        )
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Beginning[Peer] | Ending] = deque()
        self._work = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False

    def receive(self, arrivals: Sequence[Arrival[Peer]], arrived: float) -> None:
        """Take what one wake-up of the loop delivered."""
        now = self._loop.time()
        for message, peer, sequence in arrivals:
            match self._layer.receive(message, peer, now):
                case Request() as request:
                    self._take_request(request, sequence, arrived, now)
                case Fetched(request):
                    self._take_fetched(request, now)
                case Reply() as reply:
                    self._runs.answered(reply, now)
                case Failure() as failure:
                    self._runs.unanswered(failure, now)
        self._flush(now)

    async def run(self) -> None:
        """Serve until closed, and until what has ended by then is recorded."""
        while not self._closing:
            await self._work.wait()
            self._work.clear()
            while self._waiting:
                await self._turn()

    def close(self) -> None:
        """Let `run` end; devices whose bootstrap is under way ask again."""
        self._closing = True
        self._work.set()
        self._runs.close()
        if self._timer is not None:
            self._timer.cancel()

    def _take_request(
        self, request: Request[Peer], sequence: int, arrived: float, now: float
    ) -> None:
        origin = self._transport.origin(request.address)
        match handlers.interpret(
            request.message, origin=origin, sequence=sequence, scene=self._scene
        ):
            case Answer() as refusal:
                observability.record_refused(request.message, refusal, origin.peer)
                self._layer.respond(request, refusal, now=now)
            case Enroll(document):
                self._enroll(request, document, now)
            case _ if len(self._runs) + len(self._waiting) >= self._most:
                observability.record_full()
                self._layer.respond(request, handlers.UNAVAILABLE, now=now)
            case asked:
                self._put(Beginning(asked, request, arrived))

    def _enroll(self, request: Request[Peer], document: bytes, now: float) -> None:
        answer = self._runs.enroll(document, request.address, now)
        whole = self._layer.respond(request, answer, now=now)
        if answer.code != handlers.CHANGED.code:
            peer = self._transport.origin(request.address).peer
            observability.record_refused(request.message, answer, peer)
        elif whole:
            self._runs.enrolled(request.address, now)

    def _take_fetched(self, request: Request[Peer], now: float) -> None:
        if request.message.path == ENROLLMENT_PATH:
            self._runs.enrolled(request.address, now)

    def _end(
        self, attempt: Attempt, end: Finished | Failed, particulars: Particulars
    ) -> None:
        operation = handlers.ended(attempt, end, particulars)
        self._put(Ending(operation, self._loop.time()))

    def _put(self, work: Beginning[Peer] | Ending) -> None:
        self._waiting.append(work)
        self._work.set()

    async def _turn(self) -> None:
        """Record one batch in one script call, then let its devices hear of it."""
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        try:
            steps = await self._resolve(batch)
            outcomes = await self._stores.sessions.execute(
                [step.operation for step in steps],
                arrived=min(work.arrived for work in batch),
            )
        except Unavailable as error:
            await self._postpone(batch, str(error))
        else:
            self._stores.recorded()
            for work, step, outcome in zip(batch, steps, outcomes, strict=True):
                self._settle(work, step, outcome)
        self._flush(self._loop.time())

    async def _resolve(
        self, batch: Sequence[Beginning[Peer] | Ending]
    ) -> list[Attempt | Denial | Ending]:
        """Read what is known of the devices that ask; introduce those that are new."""
        batch = await self._claimed(batch)
        asked = [
            work.asked.device
            for work in batch
            if isinstance(work, Beginning) and isinstance(work.asked, Asked)
        ]
        found = iter(await self._stores.reader.devices(asked))
        steps: list[Attempt | Denial | Ending] = []
        for work in batch:
            match work:
                case Beginning(asked=Asked() as one):
                    steps.append(handlers.resolve(one, next(found), scene=self._scene))
                case Beginning(asked=Denial() as denial):
                    steps.append(denial)
                case Ending():
                    steps.append(work)
        introductions = [
            step.introduction for step in steps if isinstance(step, Attempt)
        ]
        await self._stores.writer.introduce([each for each in introductions if each])
        return steps

    async def _claimed(
        self, batch: Sequence[Beginning[Peer] | Ending]
    ) -> list[Beginning[Peer] | Ending]:
        """Read who has claimed the devices whose account that decides."""
        claiming = [
            work.asked.origin.identity.fingerprint
            for work in batch
            if isinstance(work, Beginning) and isinstance(work.asked, Claiming)
        ]
        found = iter(await self._stores.reader.claims(claiming))
        settled: list[Beginning[Peer] | Ending] = []
        for work in batch:
            match work:
                case Beginning(asked=Claiming() as one):
                    asked = handlers.claimed(one, next(found), scene=self._scene)
                    settled.append(replace(work, asked=asked))
                case _:
                    settled.append(work)
        return settled

    async def _postpone(
        self, batch: Sequence[Beginning[Peer] | Ending], reason: str
    ) -> None:
        """Send devices away for a while; keep the ends until they are recorded."""
        now = self._loop.time()
        endings = [work for work in batch if isinstance(work, Ending)]
        observability.record_away(reason, len(batch) - len(endings))
        for work in batch:
            if isinstance(work, Beginning):
                self._layer.respond(work.request, handlers.UNAVAILABLE, now=now)
        self._flush(now)
        if not endings:
            return
        if self._closing:
            observability.record_unrecorded(len(endings))
        else:
            await asyncio.sleep(RETRY_SECONDS)
            self._put_back(endings)

    def _settle(
        self,
        work: Beginning[Peer] | Ending,
        step: Attempt | Denial | Ending,
        outcome: Outcome,
    ) -> None:
        match work, step:
            case Beginning(request=request), Attempt():
                self._settle_attempt(request, step, outcome)
            case Beginning(request=request), Denial(answer=refusal):
                peer = self._transport.origin(request.address).peer
                observability.record_refused(request.message, refusal, peer)
                self._layer.respond(request, refusal, now=self._loop.time())
            case Ending(), _ if outcome.result is Result.STALE:
                self._put_back([work])

    def _settle_attempt(
        self, request: Request[Peer], attempt: Attempt, outcome: Outcome
    ) -> None:
        now, peer = self._loop.time(), request.address
        observability.record_request(
            attempt, outcome.result, self._transport.origin(peer).peer
        )
        if outcome.result is Result.SUPERSEDED:
            self._transport.release(peer)
        answer = handlers.answer(outcome)
        if answer is None:
            self._layer.forget(peer, request.message.message_id)
            return
        self._layer.respond(request, answer, now=now)
        if outcome.result is Result.BOOTSTRAPPING and not self._closing:
            self._runs.begin(attempt, peer, now)

    def _put_back(self, endings: Sequence[Ending]) -> None:
        now = self._loop.time()
        self._waiting.extendleft(replace(each, arrived=now) for each in endings[::-1])

    def _flush(self, now: float) -> None:
        self._transport.send(self._layer.datagrams())
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self._layer.next_deadline()
        if deadline is not None and not self._closing:
            self._timer = self._loop.call_at(max(deadline, now), self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        for failure in self._layer.tick(now):
            self._runs.unanswered(failure, now)
        self._flush(now)
