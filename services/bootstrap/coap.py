"""The CoAP side of the bootstrap edge: what devices ask, and what they are asked.

While a script call is under way, what is to be recorded collects for the next one.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from homeport.coap.answer import Answer
from homeport.coap.codec import Code, Option, Options, code_text
from homeport.coap.layer import Exchange, Failure, MessageLayer, Reply, Request
from homeport.coap.udp import Address, UdpTransport
from homeport.errors import Unavailable
from homeport.names import DeviceId
from homeport.protocol.bootstrap import (
    Ask,
    BootstrapSession,
    Failed,
    Finished,
    Method,
)
from homeport.runtime import addresses
from homeport.store.operations import Bootstrap, Bootstrapped, Outcome, Result
from homeport.store.sessions import SessionStore
from services.bootstrap import handlers, observability
from services.bootstrap.handlers import Attempt, Scene

RETRY_SECONDS = 1.0
"""How long an end waits to be recorded when the store was away."""
BATCH = 256

_CODES = {
    Method.GET: Code.GET,
    Method.PUT: Code.PUT,
    Method.POST: Code.POST,
    Method.DELETE: Code.DELETE,
}


@dataclass(frozen=True, slots=True)
class Beginning:
    """A request on its way through the store."""

    attempt: Attempt
    request: Request[Address]
    arrived: float

    @property
    def operation(self) -> Bootstrap:
        """What records it."""
        return self.attempt.operation


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a bootstrap on its way through the store."""

    operation: Bootstrapped
    arrived: float


@dataclass(slots=True, eq=False)
class Running:
    """A bootstrap under way, and the one exchange that its device has to answer."""

    attempt: Attempt
    address: Address
    session: BootstrapSession
    exchange: Exchange[Address]
    patience: asyncio.TimerHandle


class Listener:
    """One plain CoAP port of the bootstrap edge.

    ``patience`` is how long a bootstrap may stand still, in seconds; ``most`` how many
    may be under way.
    """

    def __init__(
        self,
        transport: UdpTransport,
        store: SessionStore,
        scene: Scene,
        *,
        patience: float,
        most: int,
        recorded: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._store = store
        self._scene = scene
        self._patience = patience
        self._most = most
        self._recorded = recorded
        self._layer: MessageLayer[Address] = MessageLayer()
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Beginning | Ending] = deque()
        self._running: dict[DeviceId, Running] = {}
        self._asked: dict[Exchange[Address], Running] = {}
        self._work = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False

    def receive(
        self, datagrams: Sequence[tuple[bytes, Address]], arrived: float
    ) -> None:
        """Take what one wake-up of the loop delivered."""
        now = self._loop.time()
        for datagram, address in datagrams:
            match self._layer.receive(datagram, address, now):
                case Request() as request:
                    self._take_request(request, arrived, now)
                case Reply() as reply:
                    self._take_reply(reply, now)
                case Failure() as failure:
                    self._take_failure(failure, now)
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
        for running in list(self._running.values()):
            self._leave(running)
        if self._timer is not None:
            self._timer.cancel()

    def _take_request(
        self, request: Request[Address], arrived: float, now: float
    ) -> None:
        peer = addresses.peer(request.address)
        asked = handlers.interpret(request.message, peer=peer, scene=self._scene)
        if isinstance(asked, Answer):
            observability.record_refused(request.message, asked, peer)
            self._layer.respond(request, asked, now=now)
        elif len(self._running) + len(self._waiting) >= self._most:
            observability.record_full()
            self._layer.respond(request, handlers.UNAVAILABLE, now=now)
        else:
            self._put(Beginning(asked, request, arrived))

    def _take_reply(self, reply: Reply[Address], now: float) -> None:
        running = self._asked.get(reply.exchange)
        if running is not None:
            code = code_text(reply.message.code)
            self._advance(
                running, running.session.answered(code, reply.message.payload), now
            )

    def _take_failure(self, failure: Failure[Address], now: float) -> None:
        running = self._asked.get(failure.exchange)
        if running is not None:
            self._advance(running, running.session.unanswered(failure.reason), now)

    def _begin(self, beginning: Beginning, now: float) -> None:
        """Begin, in the place of what the device had running (B-029)."""
        attempt = beginning.attempt
        replaced = self._running.get(attempt.operation.device)
        if replaced is not None:
            observability.record_superseded(replaced.attempt)
            self._leave(replaced)
        self._ask(attempt, beginning.request.address, attempt.session, now)

    def _ask(
        self, attempt: Attempt, address: Address, session: BootstrapSession, now: float
    ) -> None:
        """Ask the device the next thing."""
        ask = session.ask
        exchange = self._layer.request(
            address,
            _CODES[ask.method],
            path=ask.path,
            options=_options(ask),
            payload=ask.payload,
            szx=ask.szx,
            now=now,
        )
        patience = self._loop.call_at(now + self._patience, self._stalled, exchange)
        running = Running(attempt, address, session, exchange, patience)
        self._running[attempt.operation.device] = running
        self._asked[exchange] = running
        observability.record_sessions(len(self._running))

    def _advance(
        self,
        running: Running,
        reached: BootstrapSession | Finished | Failed,
        now: float,
    ) -> None:
        self._leave(running)
        if isinstance(reached, BootstrapSession):
            self._ask(running.attempt, running.address, reached, now)
            return
        observability.record_ended(running.attempt, reached)
        self._put(Ending(handlers.ended(running.attempt.operation, reached), now))

    def _leave(self, running: Running) -> None:
        running.patience.cancel()
        self._layer.cancel(running.exchange)
        del self._asked[running.exchange]
        del self._running[running.attempt.operation.device]
        observability.record_sessions(len(self._running))

    def _stalled(self, exchange: Exchange[Address]) -> None:
        now = self._loop.time()
        running = self._asked[exchange]
        reason = f"was not answered within {self._patience:g} seconds"
        self._advance(running, running.session.unanswered(reason), now)
        self._flush(now)

    def _put(self, work: Beginning | Ending) -> None:
        self._waiting.append(work)
        self._work.set()

    async def _turn(self) -> None:
        """Record one batch in one script call, then let its devices hear of it."""
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        try:
            outcomes = await self._store.execute(
                [work.operation for work in batch],
                arrived=min(work.arrived for work in batch),
            )
        except Unavailable as error:
            await self._postpone(batch, str(error))
        else:
            self._recorded()
            for work, outcome in zip(batch, outcomes, strict=True):
                self._settle(work, outcome)
        self._flush(self._loop.time())

    async def _postpone(self, batch: Sequence[Beginning | Ending], reason: str) -> None:
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

    def _settle(self, work: Beginning | Ending, outcome: Outcome) -> None:
        if isinstance(work, Ending):
            if outcome.result is Result.STALE:
                self._put_back([work])
            return
        now = self._loop.time()
        observability.record_request(
            work.attempt, outcome.result, addresses.peer(work.request.address)
        )
        answer = handlers.answer(outcome)
        if answer is None:
            self._layer.forget(work.request.address, work.request.message.message_id)
            return
        self._layer.respond(work.request, answer, now=now)
        if outcome.result is Result.BOOTSTRAPPING and not self._closing:
            self._begin(work, now)

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
            self._take_failure(failure, now)
        self._flush(now)


def _options(ask: Ask) -> Options:
    numbers = ((Option.CONTENT_FORMAT, ask.content_format), (Option.ACCEPT, ask.accept))
    return tuple(
        (option, number.to_bytes((number.bit_length() + 7) // 8, "big"))
        for option, number in numbers
        if number is not None
    )
