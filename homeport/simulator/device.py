"""One simulated device: a state machine, without sockets and clocks.

    BOOTSTRAPPING ──▶ REGISTERING ──▶ REGISTERED ──▶ ASLEEP or GONE, and back
          ▲              │   ▲            │
          └── refused ───┘   └─ unknown ──┘

A device that is asleep wakes with an update; one that is gone registers anew. One whose
credential is refused begins where it began, whatever it was doing.
"""

import math
import random
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Literal
from urllib.parse import urlsplit

from homeport.coap.answer import Answer, explain
from homeport.coap.codec import Code, Message, Option
from homeport.errors import InvalidFormat
from homeport.protocol import linkformat, tlv
from homeport.simulator import accounts
from homeport.simulator.accounts import Account
from homeport.simulator.options import FleetOptions, Habit

RETRY_SECONDS = 5.0
BOOTSTRAP_SECONDS = 30.0
"""How long a device waits for its bootstrap to go on before it asks again."""
REFRESH = 0.75
"""The share of its lifetime that a device lets pass at most (UPD-2)."""
GRACE_SECONDS = 93
"""How much longer than its lifetime a server keeps a registration (B-107)."""
STRUCTURE = (
    '</>;rt="oma.lwm2m";ct=11542,</1/1>,</3/0/0>,</3/0/1>,</3/0/2>,</3/0/9>;obs,'
    "</3/0/13>;obs,</3303/0/5700>;obs,</3303/0/5701>,</5/0/3>;obs"
)
OWN_ACCOUNTS = "</>;lwm2m=1.1,</0/0>,</1/0>"
"""What a device has before bootstrap: the bootstrap server is its first account."""

Options = tuple[tuple[int, bytes], ...]
LINK_FORMAT: Options = ((Option.CONTENT_FORMAT, bytes([linkformat.CONTENT_FORMAT])),)

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
                return self._live(now)

    def answered(self, operation: Operation, answer: Message, now: float) -> None:
        """Take the answer to what was asked."""
        match operation, answer.code:
            case "bootstrap", Code.CHANGED:
                self.turn = now + BOOTSTRAP_SECONDS
            case "register", Code.CREATED if answer.location:
                self._location = answer.location
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

    def asked(self, request: Message, now: float) -> Answer:
        """Answer a server's request."""
        if self.state is State.BOOTSTRAPPING:
            return self._asked_by_bootstrap(request, now)
        match request.code:
            case Code.DELETE:
                return Answer(Code.DELETED)
            case Code.PUT | Code.POST:
                return Answer(Code.CHANGED)
            case _:
                return Answer(Code.NOT_FOUND)

    def _asked_by_bootstrap(self, request: Message, now: float) -> Answer:
        match request.code, request.path:
            case Code.DELETE, _:
                self._written = None
                return Answer(Code.DELETED)
            case Code.GET, ():
                return Answer(Code.CONTENT, LINK_FORMAT, OWN_ACCOUNTS.encode())
            case Code.PUT, ("0", *_):
                return self._write(request.payload)
            case Code.PUT, _:
                return Answer(Code.CHANGED)
            case Code.POST, ("bs",) if self._written is not None:
                self._begin_with(self._written)
                self.turn = now
                return Answer(Code.CHANGED)
            case _:
                return Answer(Code.NOT_ACCEPTABLE)

    def _write(self, payload: bytes) -> Answer:
        try:
            self._written = accounts.parse(payload)
        except InvalidFormat as error:
            return explain(Code.BAD_REQUEST, error)
        return Answer(Code.CHANGED)

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

    def _bootstrap(self) -> Ask:
        queries = [f"ep={self._name}", *_queries(self.account)]
        if self._device_id:
            queries.append(f"iep={self._device_id}")
        queries.append(f"pct={tlv.CONTENT_FORMAT}")
        return Ask("bootstrap", self.account, Code.POST, ("bs",), tuple(queries))

    def _register(self) -> Ask:
        known = self.state is State.REGISTERING
        self.state = State.REGISTERING
        queries = [
            *(f"ep={self.endpoint_name}", f"lt={self._options.lifetime}"),
            *("lwm2m=1.1", "b=U"),
            *_queries(self.account),
        ]
        if self._options.mix.get(Habit.SLEEP):
            queries.append("Q")
        return Ask(
            "register",
            self.account,
            Code.POST,
            ("rd",),
            tuple(queries),
            LINK_FORMAT,
            STRUCTURE.encode(),
            Way.KNOWN if known else Way.NEW_HANDSHAKE,
        )

    def _update(self) -> Ask:
        return Ask("update", self.account, Code.POST, self._location)

    def _live(self, now: float) -> Ask | None:
        mix = self._options.mix
        (habit,) = self._chance.choices(list(mix), list(mix.values()))
        match habit:
            case Habit.UPDATE:
                return self._update()
            case Habit.CHANGE:
                links = f"{STRUCTURE},</10/{self._chance.randrange(9)}>".encode()
                return replace(self._update(), options=LINK_FORMAT, payload=links)
            case Habit.DEREGISTER:
                return Ask("deregister", self.account, Code.DELETE, self._location)
            case Habit.REBIND:
                return replace(self._update(), way=Way.NEW_PORT)
            case Habit.RESUME:
                return replace(self._update(), way=Way.NEW_HANDSHAKE)
            case Habit.SLEEP:
                self.state = State.ASLEEP
                self.turn = now + self._options.lifetime * REFRESH
            case Habit.VANISH:
                self.state = State.GONE
                self.turn = now + self._options.lifetime * 2 + GRACE_SECONDS
        return None

    def _pause(self) -> float:
        longest = self._options.lifetime * REFRESH
        return min(longest, self._chance.uniform(0.5, 1.5) * self._options.turn)


def _queries(account: Account) -> list[str]:
    """Return what a server's URL has devices say, as Izuma's do (BS-1)."""
    return [each for each in urlsplit(account.url).query.split("&") if each]
