"""Bootstraps under way: what each device is asked next, and how that ends."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from homeport.coap.answer import Answer, explain
from homeport.coap.codec import Code, Option, Options, code_text
from homeport.coap.layer import Exchange, Failure, MessageLayer, Reply
from homeport.coap.transport import Peer
from homeport.errors import InvalidInput
from homeport.names import DeviceId
from homeport.protocol.bootstrap import (
    Ask,
    BootstrapSession,
    Enrolling,
    Failed,
    Finished,
    Method,
)
from services.bootstrap import handlers, issuing, observability
from services.bootstrap.handlers import Attempt, Scene
from services.bootstrap.issuing import Particulars

_CODES = {
    Method.GET: Code.GET,
    Method.PUT: Code.PUT,
    Method.POST: Code.POST,
    Method.DELETE: Code.DELETE,
}

Ended = Callable[[Attempt, Finished | Failed, Particulars], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds a bootstrap may stand still, and a device take to enroll."""

    step: float
    enrollment: float


@dataclass(slots=True, eq=False)
class Run(Generic[Peer]):
    """One bootstrap: what its device has to answer, or that it has to enroll."""

    attempt: Attempt
    peer: Peer
    particulars: Particulars
    session: BootstrapSession | Enrolling
    exchange: Exchange[Peer] | None = None
    patience: asyncio.TimerHandle | None = None


class Runs(Generic[Peer]):
    """All of them; one for each device, and each waits for one thing only (BS-9).

    ``ended`` takes how one ends. ``flush`` is called when something is to be sent
    because time has passed.
    """

    def __init__(
        self,
        layer: MessageLayer[Peer],
        scene: Scene,
        *,
        patience: Patience,
        now_milliseconds: Callable[[], int],
        ended: Ended,
        flush: Callable[[float], None],
    ) -> None:
        self._layer = layer
        self._scene = scene
        self._patience = patience
        self._now_milliseconds = now_milliseconds
        self._ended = ended
        self._flush = flush
        self._loop = asyncio.get_running_loop()
        self._runs: dict[DeviceId, Run[Peer]] = {}
        self._asked: dict[Exchange[Peer], Run[Peer]] = {}
        self._enrolling: dict[Peer, Run[Peer]] = {}

    def __len__(self) -> int:
        return len(self._runs)

    def begin(self, attempt: Attempt, peer: Peer, now: float) -> None:
        """Begin, in the place of what the device had running (B-029)."""
        replaced = self._runs.get(attempt.operation.device)
        if replaced is not None:
            observability.record_superseded(replaced.attempt)
            self._leave(replaced)
        security, particulars = issuing.issue(
            self._scene.issuer, attempt.recipient, now_ms=self._now_milliseconds()
        )
        session = handlers.begin(attempt, security, scene=self._scene)
        run = Run(attempt, peer, particulars, session)
        self._runs[attempt.operation.device] = run
        observability.record_sessions(len(self._runs))
        self._wait(run, session, now)

    def answered(self, reply: Reply[Peer], now: float) -> None:
        """Take a device's answer to what it was asked."""
        run = self._asked.get(reply.exchange)
        if run is not None and isinstance(run.session, BootstrapSession):
            code = code_text(reply.message.code)
            self._advance(run, run.session.answered(code, reply.message.payload), now)

    def unanswered(self, failure: Failure[Peer], now: float) -> None:
        """Take it that a device has not answered."""
        run = self._asked.get(failure.exchange)
        if run is not None:
            self._advance(run, run.session.unanswered(failure.reason), now)

    def enroll(self, document: bytes, peer: Peer, now: float) -> Answer:
        """Answer a device that asks for its certificate (EST-2 .. EST-5).

        It may ask again as long as it has not taken all of the answer.
        """
        run = self._enrolling.get(peer)
        if run is None:
            return explain(Code.BAD_REQUEST, "no bootstrap of yours waits for this")
        try:
            reply, run.particulars = issuing.enroll(
                self._scene.issuer,
                run.attempt.recipient,
                document,
                now_ms=self._now_milliseconds(),
            )
        except InvalidInput as error:
            self._advance(run, Enrolling().refused(str(error)), now)
            return explain(Code.BAD_REQUEST, error)
        return Answer(Code.CHANGED, payload=reply)

    def enrolled(self, peer: Peer, now: float) -> None:
        """Take it that a device has been given all of its certificate (B-026)."""
        run = self._enrolling.get(peer)
        if run is not None and run.particulars.fingerprint:
            self._advance(run, Finished(), now)

    def close(self) -> None:
        """Leave all of them; their devices ask again."""
        for run in list(self._runs.values()):
            self._leave(run)

    def _advance(
        self,
        run: Run[Peer],
        reached: BootstrapSession | Enrolling | Finished | Failed,
        now: float,
    ) -> None:
        self._rest(run)
        if isinstance(reached, BootstrapSession | Enrolling):
            self._wait(run, reached, now)
            return
        self._leave(run)
        observability.record_ended(run.attempt, reached)
        self._ended(run.attempt, reached, run.particulars)

    def _wait(
        self, run: Run[Peer], session: BootstrapSession | Enrolling, now: float
    ) -> None:
        """Ask a device the next thing, or wait for it to ask."""
        run.session = session
        if isinstance(session, BootstrapSession):
            seconds = self._patience.step
            run.exchange = self._ask(session.ask, run.peer, now)
            self._asked[run.exchange] = run
        else:
            seconds = self._patience.enrollment
            self._enrolling[run.peer] = run
        run.patience = self._loop.call_at(now + seconds, self._stalled, run, seconds)

    def _ask(self, ask: Ask, peer: Peer, now: float) -> Exchange[Peer]:
        return self._layer.request(
            peer,
            _CODES[ask.method],
            path=ask.path,
            queries=ask.queries,
            options=_options(ask),
            payload=ask.payload,
            szx=ask.szx,
            now=now,
        )

    def _stalled(self, run: Run[Peer], seconds: float) -> None:
        now = self._loop.time()
        reason = f"nothing came within {seconds:g} seconds"
        self._advance(run, run.session.unanswered(reason), now)
        self._flush(now)

    def _rest(self, run: Run[Peer]) -> None:
        """Wait for nothing any more."""
        if run.patience is not None:
            run.patience.cancel()
        if run.exchange is not None:
            self._layer.cancel(run.exchange)
            del self._asked[run.exchange]
            run.exchange = None
        if self._enrolling.get(run.peer) is run:
            del self._enrolling[run.peer]

    def _leave(self, run: Run[Peer]) -> None:
        self._rest(run)
        del self._runs[run.attempt.operation.device]
        observability.record_sessions(len(self._runs))


def _options(ask: Ask) -> Options:
    numbers = ((Option.CONTENT_FORMAT, ask.content_format), (Option.ACCEPT, ask.accept))
    return tuple(
        (option, number.to_bytes((number.bit_length() + 7) // 8, "big"))
        for option, number in numbers
        if number is not None
    )
