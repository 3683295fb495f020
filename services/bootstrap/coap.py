"""The CoAP side of the bootstrap edge: what devices ask, and what is recorded of it.

While a script call is under way, what is to be recorded collects for the next one.
"""

import asyncio
import math
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Generic

from homeport.coap import defects
from homeport.coap.answer import Answer
from homeport.coap.layer import (
    Failure,
    Fetched,
    MessageLayer,
    Notification,
    Reply,
    Request,
)
from homeport.coap.transport import Arrival, Peer, Transport
from homeport.errors import Unavailable
from homeport.protocol.bootstrap import (
    ENROLLMENT_PATH,
    PACK_PATH,
    Failed,
    Finished,
)
from homeport.runtime.relay import BEAT_SECONDS
from homeport.store.operations import Outcome, Result
from services.bootstrap import handlers, observability
from services.bootstrap.attempts import Attempt, Denial, Enroll, Scene
from services.bootstrap.issuing import Particulars
from services.bootstrap.resolving import Resolved, Resolver
from services.bootstrap.running import Patience, Runs
from services.bootstrap.work import Beginning, Ending, Step, Stores

RETRY_SECONDS = 1.0
"""How long an end waits to be recorded when the store was away."""
DRAIN_SECONDS = 3.0
"""How long bootstraps under way may take at the end."""
BATCH = 256
DOUBTFUL_MILLISECONDS = 1_500 * BEAT_SECONDS
"""An edge that has not beaten for so long may be dead."""


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
        self._resolver = Resolver(stores.reader, stores.writer, scene)
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
        self._calm: asyncio.Event | None = None

    def receive(self, arrivals: Sequence[Arrival[Peer]], arrived: float) -> None:
        """Take what one wake-up of the loop delivered."""
        now = self._loop.time()
        for arrival in arrivals:
            try:
                self._receive(arrival, arrived, now)
            except Exception as error:  # noqa: BLE001 # it costs this message alone
                defects.record(error, where="bootstrap")
        self._flush(now)

    def gone(self, peer: Peer) -> None:
        """Take it that a device answers no more what it was asked."""
        now = self._loop.time()
        for failure in self._layer.lost(peer):
            self._runs.unanswered(failure, now)
        self._flush(now)

    async def run(self) -> None:
        """Serve until closed, and until what has ended by then is recorded."""
        while not self._closing:
            await self._work.wait()
            self._work.clear()
            while self._waiting:
                await self._turn()

    async def drain(self) -> None:
        """Begin no bootstrap any more, and give those under way some time to end.

        Who is not heard repeats it soon, to another edge; who is left in the middle
        begins again much later.
        """
        self._calm = asyncio.Event()
        self._flush(self._loop.time())
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._calm.wait()

    def close(self) -> None:
        """Let `run` end; devices whose bootstrap is under way ask again."""
        self._closing = True
        self._work.set()
        self._runs.close()
        if self._timer is not None:
            self._timer.cancel()

    def _receive(self, arrival: Arrival[Peer], arrived: float, now: float) -> None:
        message, peer, sequence = arrival
        match self._layer.receive(message, peer, now):
            case Request() as request:
                self._take_request(request, sequence, arrived, now)
            case Fetched(request):
                self._take_fetched(request, now)
            case Reply() as reply:
                self._runs.answered(reply, now)
            case Failure() as failure:
                self._runs.unanswered(failure, now)
            case Notification() as notification:
                self._layer.reject(notification, now=now)

    def _take_request(
        self, request: Request[Peer], sequence: int, arrived: float, now: float
    ) -> None:
        origin = self._transport.origin(request.address)
        match handlers.interpret(
            request.message, origin=origin, sequence=sequence, scene=self._scene
        ):
            case Answer() as refusal:
                self._refuse(request, refusal)
            case Enroll(document):
                self._enroll(request, document, now)
            case _ if len(self._runs) + len(self._waiting) >= self._most:
                observability.record_full()
                self._layer.respond(request, handlers.UNAVAILABLE, now=now)
            case _ if self._calm is not None:
                self._forget(request)
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
        elif request.message.path == PACK_PATH:
            self._runs.fetched(request.address, now)

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
            steps = await self._steps(batch)
            outcomes = await self._stores.sessions.execute(
                [step.recorded.operation for step in steps],
                arrived=min(work.arrived for work in batch),
            )
            silences = await self._silences(outcomes)
        except Unavailable as error:
            await self._postpone(batch, str(error))
        else:
            self._stores.recorded({step.recorded.operation.bucket for step in steps})
            for step, outcome in zip(steps, outcomes, strict=True):
                try:
                    self._settle(step, outcome, silences)
                except Exception as error:  # noqa: BLE001 # it costs this one alone
                    defects.record(error, where="bootstrap")
        self._flush(self._loop.time())

    async def _steps(
        self, batch: Sequence[Beginning[Peer] | Ending]
    ) -> list[Step[Peer]]:
        """Say what is to be recorded of a batch; answer what is not."""
        beginnings = [work for work in batch if isinstance(work, Beginning)]
        resolved = iter(await self._resolved(beginnings))
        steps: list[Step[Peer]] = []
        for work in batch:
            if isinstance(work, Ending):
                steps.append(Step(work, work))
                continue
            match next(resolved):
                case None:
                    self._forget(work.request)
                case Answer() as answer:
                    self._refuse(work.request, answer)
                case recorded:
                    steps.append(Step(work, recorded))
        return steps

    async def _resolved(
        self, beginnings: Sequence[Beginning[Peer]]
    ) -> Sequence[Resolved | None]:
        """Resolve them together; one that makes the others fail is None."""
        try:
            return await self._resolver.resolve([work.asked for work in beginnings])
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 # it costs one device alone
            if len(beginnings) == 1:
                defects.record(error, where="bootstrap")
                return [None]
        return [found for each in beginnings for found in await self._resolved([each])]

    async def _silences(self, outcomes: Sequence[Outcome]) -> Mapping[str, float]:
        """Ask for how long the edges of attempts are silent that go on elsewhere."""
        begun = {
            outcome.registration: handlers.edge_of(outcome.registration)
            for outcome in outcomes
            if outcome.result is Result.REPEATED
            and outcome.registration not in self._runs
        }
        found = await self._stores.registry.silences(list(begun.values()))
        return {
            attempt: math.inf if edge == self._scene.edge else silence
            for (attempt, edge), silence in zip(begun.items(), found, strict=True)
        }

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
        self, step: Step[Peer], outcome: Outcome, silences: Mapping[str, float]
    ) -> None:
        match step:
            case Step(Beginning() as work, Attempt() as attempt):
                silence = silences.get(outcome.registration, 0)
                self._settle_attempt(work.request, attempt, outcome, silence)
            case Step(Beginning(request=request), Denial(answer=refusal)):
                self._refuse(request, refusal)
            case Step(Ending() as work) if outcome.result is Result.STALE:
                self._put_back([work])

    def _settle_attempt(
        self,
        request: Request[Peer],
        attempt: Attempt,
        outcome: Outcome,
        silence: float,
    ) -> None:
        """Begin, unless another edge has; ``silence`` is that one's (B-228).

        Where it is dead, the bootstrap begins anew; where it may be, the device asks
        again.
        """
        now, peer = self._loop.time(), request.address
        if silence == math.inf:
            again = handlers.afresh(attempt, scene=self._scene)
            self._put(Beginning(again, request, now))
            return
        if silence > DOUBTFUL_MILLISECONDS:
            self._forget(request)
            return
        observability.record_request(
            attempt, outcome.result, self._transport.origin(peer).peer
        )
        if outcome.result is Result.SUPERSEDED:
            self._transport.release(peer)
        begins = outcome.result is Result.BOOTSTRAPPING and not self._closing
        if begins and attempt.packed:
            self._pack(attempt, request, now)
            return
        answer = handlers.answer(attempt, outcome)
        if answer is None:
            self._forget(request)
            return
        self._layer.respond(request, answer, now=now)
        if begins:
            self._runs.begin(attempt, peer, now)

    def _pack(self, attempt: Attempt, request: Request[Peer], now: float) -> None:
        answer = self._runs.pack(attempt, request.address, now)
        if self._layer.respond(request, answer, now=now):
            self._runs.fetched(request.address, now)

    def _forget(self, request: Request[Peer]) -> None:
        """Say nothing: its repetition is a new one."""
        self._layer.forget(request.address, request.message.message_id)

    def _refuse(self, request: Request[Peer], refusal: Answer) -> None:
        peer = self._transport.origin(request.address).peer
        observability.record_refused(request.message, refusal, peer)
        self._layer.respond(request, refusal, now=self._loop.time())

    def _put_back(self, endings: Sequence[Ending]) -> None:
        now = self._loop.time()
        self._waiting.extendleft(replace(each, arrived=now) for each in endings[::-1])

    def _flush(self, now: float) -> None:
        self._transport.send(self._layer.datagrams())
        if self._calm is not None and not len(self._runs) and not self._waiting:
            self._calm.set()
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
