"""The CoAP side of the lwm2m edge: datagrams in batches, one script call a batch.

While a script call is under way, what arrives collects for the next one: the busier
the edge, the fuller its batches, and nothing ever waits for a timer.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from homeport.coap import codec
from homeport.coap.answer import Answer
from homeport.coap.codec import Code, Message, Renewal, Type
from homeport.coap.layer import MessageLayer, Request
from homeport.coap.udp import Address, UdpTransport
from homeport.errors import Unavailable
from homeport.runtime import addresses
from homeport.store.operations import Operation, Outcome, Result
from homeport.store.sessions import SessionStore
from services.lwm2m import handlers, observability
from services.lwm2m.handlers import CHANGED, Delta, Scene

CONFLICTS = 3
"""How often a delta is merged again before its device has to repeat it."""


@dataclass(slots=True)
class Work:
    """A request on its way through the store; ``arrived`` is in loop time."""

    operation: Operation | Delta
    request: Request[Address] | Renewal
    address: Address
    arrived: float
    conflicts: int = 0


class Listener:
    """One plain CoAP port of the lwm2m edge."""

    def __init__(
        self,
        transport: UdpTransport,
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
        self._layer: MessageLayer[Address] = MessageLayer()
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Work] = deque()
        self._work = asyncio.Event()
        self._closing = False

    def receive(
        self, datagrams: Sequence[tuple[bytes, Address]], arrived: float
    ) -> None:
        """Take what one wake-up of the loop delivered."""
        now = self._loop.time()
        for datagram, address in datagrams:
            renewal = codec.decode_renewal(datagram)
            if renewal is None or not self._renew(renewal, address, arrived, now):
                self._receive(datagram, address, arrived, now)
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
        self, renewal: Renewal, address: Address, arrived: float, now: float
    ) -> bool:
        """Take the short way of the hot request; False when it has to take the long."""
        operation = handlers.refresh(
            renewal, peer=addresses.peer(address), scene=self._scene
        )
        if operation is None:
            return False
        if not self._layer.repeated(address, renewal.message_id, now=now):
            self._put(Work(operation, renewal, address, arrived))
        return True

    def _receive(
        self, datagram: bytes, address: Address, arrived: float, now: float
    ) -> None:
        request = self._layer.receive(datagram, address, now)
        if not isinstance(request, Request):
            return
        peer = addresses.peer(address)
        asked = handlers.interpret(request.message, peer=peer, scene=self._scene)
        if isinstance(asked, Answer):
            observability.record_refused(request.message, asked, peer)
            self._layer.respond(request, asked, now=now)
        else:
            self._put(Work(asked, request, address, arrived))

    def _put(self, work: Work) -> None:
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

    async def _resolve(self, batch: Sequence[Work]) -> list[tuple[Work, Operation]]:
        """Turn deltas into operations on the sessions that are read for them."""
        deltas = [work.operation for work in batch if isinstance(work.operation, Delta)]
        devices = [delta.update.device for delta in deltas]
        sessions = iter(await self._store.read(devices) if devices else ())
        ready: list[tuple[Work, Operation]] = []
        refused: list[tuple[Work, Answer]] = []
        for work in batch:
            operation = work.operation
            if isinstance(operation, Delta):
                resolved = handlers.resolve(operation, next(sessions))
                if isinstance(resolved, Answer):
                    refused.append((work, resolved))
                    continue
                operation = resolved
            ready.append((work, operation))
        for work, answer in refused:
            self._finish(work, answer)
        return ready

    def _settle(self, work: Work, operation: Operation, outcome: Outcome) -> None:
        observability.record_outcome(operation, outcome)
        if outcome.result is Result.CONFLICT and work.conflicts < CONFLICTS:
            work.conflicts += 1
            self._waiting.append(work)
            return
        self._finish(work, handlers.answer(operation, outcome))

    def _finish(self, work: Work, answer: Answer | None) -> None:
        request = work.request
        if answer is None:
            message = request if isinstance(request, Renewal) else request.message
            self._layer.forget(work.address, message.message_id)
        elif isinstance(request, Request):
            self._layer.respond(request, answer, now=self._loop.time())
        elif answer is CHANGED:
            datagram = codec.encode_acknowledgement(
                answer.code, request.message_id, request.token
            )
            self._layer.settle(
                work.address, request.message_id, datagram, now=self._loop.time()
            )
        else:
            self._layer.respond(
                _request(request, work.address), answer, now=self._loop.time()
            )


def _request(renewal: Renewal, address: Address) -> Request[Address]:
    """Make a request of a renewal that is answered with more than a code."""
    message = Message(Type.CON, Code.POST, renewal.message_id, renewal.token)
    return Request(message, address, len(renewal.location))
