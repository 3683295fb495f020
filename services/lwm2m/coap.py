"""The CoAP side of the lwm2m edge: datagrams in batches, one script call a batch.

While a script call is under way, what arrives collects for the next one: the busier
the edge, the fuller its batches, and nothing ever waits for a timer.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from homeport.coap import codec
from homeport.coap.answer import Answer
from homeport.coap.codec import Code, Message, Renewal, Type
from homeport.coap.layer import MessageLayer, Request
from homeport.coap.transport import Arrival, Peer, Transport
from homeport.errors import Unavailable
from homeport.store.operations import Operation, Outcome, Result
from homeport.store.sessions import SessionStore
from services.lwm2m import handlers, observability
from services.lwm2m.answers import CHANGED
from services.lwm2m.handlers import Delta, Denial, Scene

CONFLICTS = 3
"""How often a delta is merged again before its device has to repeat it."""


@dataclass(slots=True)
class Work(Generic[Peer]):
    """A request on its way through the store; ``arrived`` is in loop time."""

    operation: Operation | Delta | Denial
    request: Request[Peer] | Renewal
    peer: Peer
    arrived: float
    conflicts: int = 0


class Listener(Generic[Peer]):
    """One port of the lwm2m edge, whatever its transport is."""

    def __init__(
        self,
        transport: Transport[Peer],
        store: SessionStore,
        scene: Scene,
        *,
        batch: int,
        backlog: int,
        recorded: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._store = store
        self._scene = scene
        self._batch = batch
        self._backlog = backlog
        self._recorded = recorded
        self._layer: MessageLayer[Peer] = MessageLayer(
            largest_szx=transport.largest_szx, proven=transport.proven
        )
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Work[Peer]] = deque()
        self._work = asyncio.Event()
        self._closing = False

    def receive(self, arrivals: Sequence[Arrival[Peer]], arrived: float) -> None:
        """Take what one wake-up of the loop delivered."""
        now = self._loop.time()
        for arrival in arrivals:
            renewal = codec.decode_renewal(arrival.message)
            if renewal is None or not self._renew(renewal, arrival, arrived, now):
                self._receive(arrival, arrived, now)
        self._transport.send(self._layer.datagrams())
        if self._waiting:
            self._work.set()

    async def run(self) -> None:
        """Serve until closed."""
        while not self._closing:
            await self._work.wait()
            self._work.clear()
            while self._waiting:
                await self._turn()

    def close(self) -> None:
        """Let `run` end once everything that has arrived is answered."""
        self._closing = True
        self._work.set()

    def _renew(
        self, renewal: Renewal, arrival: Arrival[Peer], arrived: float, now: float
    ) -> bool:
        """Take the short way of the hot request; False when it has to take the long."""
        _, peer, sequence = arrival
        operation = handlers.refresh(
            renewal,
            origin=self._transport.origin(peer),
            sequence=sequence,
            scene=self._scene,
        )
        if operation is None:
            return False
        if not self._layer.repeated(peer, renewal.message_id, now=now):
            self._put(Work(operation, renewal, peer, arrived))
        return True

    def _receive(self, arrival: Arrival[Peer], arrived: float, now: float) -> None:
        message, peer, sequence = arrival
        request = self._layer.receive(message, peer, now)
        if not isinstance(request, Request):
            return
        origin = self._transport.origin(peer)
        asked = handlers.interpret(
            request.message, origin=origin, sequence=sequence, scene=self._scene
        )
        if isinstance(asked, Answer):
            observability.record_refused(request.message, asked, origin.peer)
            self._layer.respond(request, asked, now=now)
            return
        if isinstance(asked, Denial):
            observability.record_refused(request.message, asked.answer, origin.peer)
        self._put(Work(asked, request, peer, arrived))

    def _put(self, work: Work[Peer]) -> None:
        if len(self._waiting) < self._backlog:
            self._waiting.append(work)
            return
        observability.record_dropped("backlog")
        self._finish(work, None)

    async def _turn(self) -> None:
        """Do one batch: read what deltas need, one script call, then the answers."""
        batch = [
            self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))
        ]
        observability.record_batch(len(batch), len(self._waiting))
        try:
            ready = await self._resolve(batch)
            outcomes = await self._store.execute(
                [operation for _, operation in ready],
                arrived=min(work.arrived for work in batch),
            )
        except Unavailable as error:
            observability.record_away(str(error), len(batch))
            for work in batch:
                self._finish(work, handlers.unavailable(work.operation))
        else:
            self._recorded()
            for (work, operation), outcome in zip(ready, outcomes, strict=True):
                self._settle(work, operation, outcome)
        self._transport.send(self._layer.datagrams())

    async def _resolve(
        self, batch: Sequence[Work[Peer]]
    ) -> list[tuple[Work[Peer], Operation]]:
        """Turn deltas into operations on the sessions that are read for them."""
        deltas = [work.operation for work in batch if isinstance(work.operation, Delta)]
        devices = [delta.update.device for delta in deltas]
        sessions = iter(await self._store.read(devices) if devices else ())
        ready: list[tuple[Work[Peer], Operation]] = []
        refused: list[tuple[Work[Peer], Answer]] = []
        for work in batch:
            operation = work.operation
            if isinstance(operation, Delta):
                resolved = handlers.resolve(operation, next(sessions))
                if isinstance(resolved, Answer):
                    refused.append((work, resolved))
                    continue
                operation = resolved
            elif isinstance(operation, Denial):
                operation = operation.operation
            ready.append((work, operation))
        for work, answer in refused:
            self._finish(work, answer)
        return ready

    def _settle(self, work: Work[Peer], operation: Operation, outcome: Outcome) -> None:
        observability.record_outcome(operation, outcome)
        if outcome.result is Result.CONFLICT and work.conflicts < CONFLICTS:
            work.conflicts += 1
            self._waiting.append(work)
            return
        if outcome.result is Result.SUPERSEDED:
            self._transport.release(work.peer)
        asked = work.operation
        if isinstance(asked, Denial):
            self._finish(work, asked.answer)
        else:
            self._finish(work, handlers.answer(operation, outcome))

    def _finish(self, work: Work[Peer], answer: Answer | None) -> None:
        request = work.request
        if answer is None:
            message = request if isinstance(request, Renewal) else request.message
            self._layer.forget(work.peer, message.message_id)
        elif isinstance(request, Request):
            self._layer.respond(request, answer, now=self._loop.time())
        elif answer is CHANGED:
            datagram = codec.encode_acknowledgement(
                answer.code, request.message_id, request.token
            )
            self._layer.settle(
                work.peer, request.message_id, datagram, now=self._loop.time()
            )
        else:
            self._layer.respond(
                _request(request, work.peer), answer, now=self._loop.time()
            )


def _request(renewal: Renewal, peer: Peer) -> Request[Peer]:
    """Make a request of a renewal that is answered with more than a code."""
    message = Message(Type.CON, Code.POST, renewal.message_id, renewal.token)
    return Request(message, peer, len(renewal.location))
