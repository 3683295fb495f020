"""One simulated device: a state machine, without sockets and clocks.

    BOOTSTRAPPING ──▶ REGISTERING ──▶ REGISTERED ──▶ ASLEEP or GONE, and back
          ▲              │   ▲            │
          └── refused ───┘   └─ unknown ──┘

A device that is asleep wakes with an update; one that is gone registers anew. One whose
credential is refused begins where it began, whatever it was doing.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Literal

from homeport.coap.answer import Answer, explain
from homeport.coap.codec import Code, Message, Option
from homeport.errors import InvalidFormat
from homeport.protocol.bootstrap import PACK_PATH
from homeport.protocol.formats import senml_cbor
from homeport.simulator.accounts import Account
from homeport.simulator.managed import Managed
from homeport.simulator.objects import Action
from homeport.simulator.options import FleetOptions, Habit
from homeport.simulator.provisioned import Provisioned

RETRY_SECONDS = 5.0
BOOTSTRAP_SECONDS = 30.0
"""How long a device waits for its bootstrap to go on before it asks again."""
REFRESH = 0.75
"""The share of its lifetime that a device lets pass at most (UPD-2)."""
GRACE_SECONDS = 93
"""How much longer than its lifetime a server keeps a registration (B-107)."""

Options = tuple[tuple[int, bytes], ...]

_NO_PACK = (Code.NOT_FOUND, Code.METHOD_NOT_ALLOWED, Code.NOT_IMPLEMENTED)
"""What a device hears where all of it at once is not offered (B-194)."""

Operation = Literal["bootstrap", "register", "update", "deregister"]


class State(Enum):
    """Where a device stands; what it does next depends on this alone."""

    BOOTSTRAPPING = auto()
    REGISTERING = auto()
    REGISTERED = auto()
    ASLEEP = auto()
    GONE = auto()


class Way(Enum):
    """How a request gets to its server."""

    KNOWN = auto()
    NEW_PORT = auto()
    NEW_HANDSHAKE = auto()


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that a device wants sent, to the server of this account."""

    operation: Operation
    account: Account
    code: Code
    path: tuple[str, ...]
    queries: tuple[str, ...] = ()
    options: Options = ()
    payload: bytes = b""
    way: Way = Way.KNOWN


class Device:
    """Decides what one device does; ``turn`` says when it wants to act next.

    While it waits for an answer that is never: to each request comes an answer, or the
    certainty that there is none. ``factory`` is the account that it begins with, and
    comes back to: at a bootstrap server, or at the LwM2M server itself.
    """

    def __init__(
        self,
        name: str,
        options: FleetOptions,
        chance: random.Random,
        *,
        factory: Account,
    ) -> None:
        self.turn = 0.0
        self.endpoint_name = self._name = factory.subject.common_name or name
        self._options = options
        self._chance = chance
        self._factory = factory
        self._bootstraps = options.target.bootstrap is not None
        self._dialect = options.dialect
        self._packs = options.dialect.packs
        self._echo = b""
        self._provisioned = Provisioned(options.dialect)
        self._managed = Managed(options.dialect, self._name, lifetime=options.lifetime)
        self._action: Action | None = None
        self._lifetime = options.lifetime
        self._written: Account | None = None
        self._location: tuple[str, ...] = ()
        self._device_id = ""
        self.state = State.REGISTERING
        self._start_over()

    @property
    def account(self) -> Account:
        """The server that it talks to, as long as it stays in its state."""
        if self.state is State.BOOTSTRAPPING or self._written is None:
            return self._factory
        return self._written

    @property
    def registered(self) -> bool:
        """Whether it believes to be registered."""
        return self.state in (State.REGISTERED, State.ASLEEP)

    @property
    def away(self) -> bool:
        """Whether it hears and says nothing."""
        return self.state in (State.ASLEEP, State.GONE)

    def act(self, now: float) -> Ask | None:
        """Do what is due; None when there is nothing to say."""
        self.turn = math.inf
        match self.state:
            case State.BOOTSTRAPPING:
                return self._bootstrap()
            case State.REGISTERING | State.GONE:
                return self._register()
            case State.ASLEEP:
                self.state = State.REGISTERED
                return self._update()
            case State.REGISTERED:
                action, self._action = self._action, None
                return self._live(now) if action is None else self._do(action)

    def answered(self, operation: Operation, answer: Message, now: float) -> None:
        """Take the answer to what was asked."""
        match operation, answer.code:
            case "bootstrap", Code.CHANGED:
                self.turn = now + BOOTSTRAP_SECONDS
            case "bootstrap", Code.CONTENT:
                self._unpack(answer, now)
            case "bootstrap", Code.UNAUTHORIZED if answer.value(Option.ECHO):
                self._echo = answer.value(Option.ECHO) or b""
                self.turn = now
            case "bootstrap", _ if self._packs and answer.code in _NO_PACK:
                self._packs = False
                self.turn = now
            case "register", Code.CREATED if answer.location:
                self._location = answer.location
                self._managed.registered()
                self.state = State.REGISTERED
                self.turn = now + self._pause()
            case "register", Code.BAD_REQUEST | Code.FORBIDDEN:
                self._start_over()
                self.turn = now + RETRY_SECONDS
            case "update", Code.CHANGED:
                self.turn = now + self._pause()
            case "update", Code.NOT_FOUND:
                self.state = State.REGISTERING
                self.turn = now
            case "deregister", Code.DELETED | Code.NOT_FOUND:
                self.state = State.GONE
                self.turn = now + self._pause()
            case _:
                self.turn = now + (answer.number(Option.MAX_AGE) or RETRY_SECONDS)

    def unanswered(self, now: float) -> None:
        """Take it that nobody answered."""
        self.turn = now + RETRY_SECONDS

    def refused(self, now: float) -> None:
        """Take it that the server does not believe in its credential any more."""
        self._start_over()
        self.turn = now + RETRY_SECONDS

    def asked(self, request: Message, now: float) -> Answer | None:
        """Answer a server's request; None where it is left unanswered."""
        if self.state is State.BOOTSTRAPPING:
            return self._asked_by_bootstrap(request, now)
        answer = self._managed.answer(request)
        action = self._managed.take_action()
        if action is not None and self.state is State.REGISTERED:
            self._action, self.turn = action, now
        return answer

    def notifications(self, new_message_id: Callable[[], int]) -> Iterator[Message]:
        """Yield what is to be told of what is observed, while it is registered."""
        if self.state is State.REGISTERED:
            yield from self._managed.notifications(new_message_id)

    def reset(self, message_id: int) -> None:
        """Hear that a notification was not wanted."""
        self._managed.reset(message_id)

    def _asked_by_bootstrap(self, request: Message, now: float) -> Answer:
        if request.code == Code.POST and request.path == ("bs",):
            return self._finish(now)
        return self._provisioned.answer(request)

    def _finish(self, now: float) -> Answer:
        try:
            self._written = self._provisioned.account()
        except InvalidFormat as error:
            return explain(Code.NOT_ACCEPTABLE, error)
        self._begin_with(self._written)
        self.turn = now
        return Answer(Code.CHANGED)

    def _unpack(self, answer: Message, now: float) -> None:
        """Take all of it at once, in the place of what there was."""
        accepted = self._provisioned.unpack(answer)
        if not accepted or self._finish(now).code != Code.CHANGED:
            self.turn = now + RETRY_SECONDS

    def _begin_with(self, account: Account) -> None:
        """Be who a certificate says: that of a developer's device has its id as name.

        The id is said in the next bootstrap, so that the device stays the same (B-058).
        """
        subject = account.subject
        self.endpoint_name = subject.common_name or self._name
        self._device_id = subject.locality
        self.state = State.REGISTERING

    def _start_over(self) -> None:
        self.state = State.BOOTSTRAPPING if self._bootstraps else State.REGISTERING

    def _reset(self) -> None:
        """Forget who it has become since it was made (B-057, BS-29)."""
        self.endpoint_name, self._device_id = self._name, ""
        self._provisioned = Provisioned(self._dialect)
        self._managed = Managed(
            self._dialect, self._name, lifetime=self._options.lifetime
        )
        self._start_over()

    def _bootstrap(self) -> Ask:
        if self._packs:
            accept = senml_cbor.CONTENT_FORMAT
            echo = ((Option.ECHO, self._echo),) if self._echo else ()
            return Ask(
                "bootstrap",
                self.account,
                Code.GET,
                PACK_PATH,
                (f"ep={self._name}",),
                ((Option.ACCEPT, bytes([accept])), *echo),
            )
        queries = self._dialect.bootstrap(self.account, self._name, self._device_id)
        return Ask(
            "bootstrap",
            self.account,
            Code.POST,
            ("bs",),
            tuple(queries),
            self._dialect.options,
        )

    def _register(self) -> Ask:
        known = self.state is State.REGISTERING
        self.state = State.REGISTERING
        self._action, self._lifetime = None, self._managed.lifetime
        queries = self._dialect.register(
            self.account,
            self.endpoint_name,
            lifetime=self._managed.lifetime,
            sleeps=bool(self._options.mix.get(Habit.SLEEP)),
        )
        return Ask(
            "register",
            self.account,
            Code.POST,
            ("rd",),
            tuple(queries),
            self._dialect.links,
            self._dialect.structure.encode(),
            Way.KNOWN if known else Way.NEW_HANDSHAKE,
        )

    def _update(self) -> Ask:
        queries = list(self._dialect.updates)
        if self._managed.lifetime != self._lifetime:
            self._lifetime = self._managed.lifetime
            queries.append(f"lt={self._lifetime}")
        return Ask(
            "update",
            self.account,
            Code.POST,
            self._location,
            tuple(queries),
            self._dialect.update,
        )

    def _deregister(self) -> Ask:
        return Ask("deregister", self.account, Code.DELETE, self._location)

    def _do(self, action: Action) -> Ask:
        """Do what a server has ordered."""
        match action:
            case Action.REBOOT:
                return self._register()
            case Action.LEAVE:
                return self._deregister()
            case Action.BOOTSTRAP if self._bootstraps:
                self._start_over()
                return self._bootstrap()
            case Action.RESET:
                self._reset()
                return self._bootstrap() if self._bootstraps else self._register()
            case Action.BOOTSTRAP | Action.UPDATE:
                return self._update()

    def _live(self, now: float) -> Ask | None:
        self._managed.drift(self._chance.uniform(-0.5, 0.5))
        mix = self._options.mix
        (habit,) = self._chance.choices(list(mix), list(mix.values()))
        match habit:
            case Habit.UPDATE:
                return self._update()
            case Habit.CHANGE:
                links = self._dialect.changed(f"</10/{self._chance.randrange(9)}>")
                return replace(
                    self._update(), options=self._dialect.links, payload=links.encode()
                )
            case Habit.DEREGISTER:
                return self._deregister()
            case Habit.REBIND:
                return replace(self._update(), way=Way.NEW_PORT)
            case Habit.RESUME:
                return replace(self._update(), way=Way.NEW_HANDSHAKE)
            case Habit.SLEEP:
                self.state = State.ASLEEP
                self.turn = now + self._managed.lifetime * REFRESH
            case Habit.VANISH:
                self.state = State.GONE
                self.turn = now + self._managed.lifetime * 2 + GRACE_SECONDS
        return None

    def _pause(self) -> float:
        longest = self._managed.lifetime * REFRESH
        return min(longest, self._chance.uniform(0.5, 1.5) * self._options.turn)
