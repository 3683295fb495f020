"""Bootstraps under way: what each device is asked next, and how that ends."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from homeport.coap.answer import Answer, explain
from homeport.coap.codec import Code, Option, Options, code_text
from homeport.coap.layer import Exchange, Failure, MessageLayer, Reply
from homeport.coap.transport import Peer
from homeport.errors import InvalidInput, InvalidValue
from homeport.names import DeviceId
from homeport.protocol import bootstrap, plans
from homeport.protocol.bootstrap import (
    Ask,
    BootstrapSession,
    CertificateNeeded,
    Enrolling,
    Failed,
    Fetching,
    Finished,
    Method,
    Reached,
)
from homeport.protocol.handover import Enrollment
from homeport.protocol.plans import Plan
from services.bootstrap import handlers, issuing, observability
from services.bootstrap.attempts import Attempt, Scene
from services.bootstrap.issuing import Particulars

_CODES = {
    Method.GET: Code.GET,
    Method.PUT: Code.PUT,
    Method.POST: Code.POST,
    Method.DELETE: Code.DELETE,
}

Session = BootstrapSession | Enrolling | Fetching
"""What a bootstrap under way waits for."""
Ended = Callable[[Attempt, Finished | Failed, Particulars], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds a bootstrap may stand still, and a device take to enroll."""

    step: float
    enrollment: float


@dataclass(slots=True, eq=False)
class Run(Generic[Peer]):
    """One bootstrap: what its device has to answer, to ask, or to take."""

    attempt: Attempt
    peer: Peer
    particulars: Particulars
    session: Session
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
        self._fetching: dict[Peer, Run[Peer]] = {}

    def __len__(self) -> int:
        return len(self._runs)

    def __contains__(self, attempt: str) -> bool:
        return any(
            run.attempt.operation.attempt == attempt for run in self._runs.values()
        )

    def begin(self, attempt: Attempt, peer: Peer, now: float) -> None:
        """Begin, in the place of what the device had running (B-029)."""
        plan, particulars = self._plan(attempt)
        session = bootstrap.begin(plan, attempt.content_format)
        run = self._enter(Run(attempt, peer, particulars, session))
        self._advance(run, session, now)

    def pack(self, attempt: Attempt, peer: Peer, now: float) -> Answer:
        """Answer a device that asks for all of it at once (B-194)."""
        plan, particulars = self._plan(attempt)
        run = self._enter(Run(attempt, peer, particulars, Fetching()))
        try:
            payload = plans.pack(plan, attempt.content_format)
        except InvalidValue as error:
            self._advance(run, Fetching().unanswered(str(error)), now)
            return explain(Code.NOT_IMPLEMENTED, error)
        self._wait(run, Fetching(), now)
        written = _number(Option.CONTENT_FORMAT, attempt.content_format)
        return Answer(Code.CONTENT, (written,), payload)

    def fetched(self, peer: Peer, now: float) -> None:
        """Take it that a device has been given all of it."""
        run = self._fetching.get(peer)
        if run is not None:
            self._advance(run, Finished(), now)

    def answered(self, reply: Reply[Peer], now: float) -> None:
        """Take a device's answer to what it was asked."""
        run = self._asked.get(reply.exchange)
        if run is not None and isinstance(run.session, BootstrapSession):
            said = reply.message
            reached = run.session.answered(
                code_text(said.code), said.payload, said.content_format
            )
            self._advance(run, reached, now)

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
        if run is None or not run.particulars.fingerprint:
            return
        read = run.session.read if isinstance(run.session, Enrolling) else ()
        self._advance(run, Finished(read), now)

    def close(self) -> None:
        """Leave all of them; their devices ask again."""
        for run in list(self._runs.values()):
            self._leave(run)

    def _plan(self, attempt: Attempt) -> tuple[Plan, Particulars]:
        """Make the credentials of a device, and say what it is to be given."""
        now_ms, scene = self._now_milliseconds(), self._scene
        security, particulars = issuing.issue(
            scene.issuer, attempt.recipient, now_ms=now_ms
        )
        if attempt.packed and isinstance(security, Enrollment):
            security, particulars = issuing.certificate(
                scene.issuer, attempt.recipient, now_ms=now_ms
            )
        plan = handlers.plan(attempt, security, scene=scene, now_ms=now_ms)
        return plan, particulars

    def _enter(self, run: Run[Peer]) -> Run[Peer]:
        """Take a run up, in the place of the one that its device has."""
        device = run.attempt.operation.device
        replaced = self._runs.get(device)
        if replaced is not None:
            observability.record_superseded(replaced.attempt)
            self._leave(replaced)
        self._runs[device] = run
        observability.record_sessions(len(self._runs))
        return run

    def _advance(self, run: Run[Peer], reached: Reached, now: float) -> None:
        self._rest(run)
        if isinstance(reached, CertificateNeeded):
            reached = self._certified(run, reached)
        if isinstance(reached, BootstrapSession | Enrolling):
            failed = self._wait(run, reached, now)
            if failed is None:
                return
            reached = failed
        self._leave(run)
        observability.record_ended(run.attempt, reached)
        self._ended(run.attempt, reached, run.particulars)

    def _certified(self, run: Run[Peer], needed: CertificateNeeded) -> BootstrapSession:
        """Make a certificate for a device that does not enroll (EST-8)."""
        observability.record_not_enrolled(run.attempt)
        security, run.particulars = issuing.certificate(
            self._scene.issuer,
            run.attempt.recipient,
            now_ms=self._now_milliseconds(),
        )
        return needed.handed(security)

    def _wait(self, run: Run[Peer], session: Session, now: float) -> Failed | None:
        """Ask a device the next thing, or wait for it; fail where that has no form."""
        run.session = session
        seconds = self._patience.enrollment
        match session:
            case BootstrapSession():
                seconds = self._patience.step
                try:
                    ask = session.ask
                except InvalidValue as error:
                    return Failed(session.name, "", error.reason)
                run.exchange = self._ask(ask, run.peer, now)
                self._asked[run.exchange] = run
            case Enrolling():
                self._enrolling[run.peer] = run
            case Fetching():
                self._fetching[run.peer] = run
        run.patience = self._loop.call_at(now + seconds, self._stalled, run, seconds)
        return None

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
        for waiting in (self._enrolling, self._fetching):
            if waiting.get(run.peer) is run:
                del waiting[run.peer]

    def _leave(self, run: Run[Peer]) -> None:
        self._rest(run)
        del self._runs[run.attempt.operation.device]
        observability.record_sessions(len(self._runs))


def _options(ask: Ask) -> Options:
    numbers = ((Option.CONTENT_FORMAT, ask.content_format), (Option.ACCEPT, ask.accept))
    return tuple(
        _number(option, number) for option, number in numbers if number is not None
    )


def _number(option: Option, number: int) -> tuple[int, bytes]:
    return option, number.to_bytes((number.bit_length() + 7) // 8, "big")
