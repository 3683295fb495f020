"""One simulated device: a state machine, without sockets and clocks.

    BOOTSTRAPPING ──▶ REGISTERING ──▶ REGISTERED ──▶ ASLEEP or GONE, and back
          ▲              │   ▲            │
          └── refused ───┘   └─ unknown ──┘

A device that is asleep wakes with an update; one that is gone registers anew.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Literal
from urllib.parse import urlsplit

from homeport.coap.answer import Answer
from homeport.coap.codec import Code, Message, Option
from homeport.errors import InvalidFormat
from homeport.protocol import linkformat, tlv
from homeport.protocol.tlv import ObjectInstance, Resource
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


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that a device wants sent, to the server of this URL."""

    operation: Operation
    server: str
    code: Code
    path: tuple[str, ...]
    queries: tuple[str, ...] = ()
    options: Options = ()
    payload: bytes = b""


class Device:
    """Decides what one device does; ``turn`` says when it wants to act next.

    While it waits for an answer that is never: to each request comes an answer, or the
    certainty that there is none.
    """

    def __init__(
        self, endpoint_name: str, options: FleetOptions, chance: random.Random
    ) -> None:
        self.endpoint_name = endpoint_name
        self.turn = 0.0
        self._options = options
        self._chance = chance
        self._server = options.target.lwm2m or ""
        self._location: tuple[str, ...] = ()
        bootstraps = options.target.bootstrap is not None
        self.state = State.BOOTSTRAPPING if bootstraps else State.REGISTERING

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
                self._server = ""
                return Answer(Code.DELETED)
            case Code.GET, ():
                return Answer(Code.CONTENT, LINK_FORMAT, OWN_ACCOUNTS.encode())
            case Code.PUT, ("0", *_):
                server = _written_server(request.payload)
                self._server = server or self._server
                return Answer(Code.CHANGED if server else Code.BAD_REQUEST)
            case Code.PUT, _:
                return Answer(Code.CHANGED)
            case Code.POST, ("bs",) if self._server:
                self.state = State.REGISTERING
                self.turn = now
                return Answer(Code.CHANGED)
            case _:
                return Answer(Code.NOT_ACCEPTABLE)

    def _start_over(self) -> None:
        if self._options.target.bootstrap is not None:
            self.state = State.BOOTSTRAPPING

    def _bootstrap(self) -> Ask:
        return Ask(
            "bootstrap",
            self._options.target.bootstrap or "",
            Code.POST,
            ("bs",),
            (f"ep={self.endpoint_name}", f"pct={tlv.CONTENT_FORMAT}"),
        )

    def _register(self) -> Ask:
        self.state = State.REGISTERING
        queries = [
            *(f"ep={self.endpoint_name}", f"lt={self._options.lifetime}"),
            *("lwm2m=1.1", "b=U"),
        ]
        if self._options.mix.get(Habit.SLEEP):
            queries.append("Q")
        return Ask(
            "register",
            self._server,
            Code.POST,
            ("rd",),
            tuple(queries),
            LINK_FORMAT,
            STRUCTURE.encode(),
        )

    def _update(self) -> Ask:
        return Ask("update", self._server, Code.POST, self._location)

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
                return Ask("deregister", self._server, Code.DELETE, self._location)
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


def _written_server(payload: bytes) -> str | None:
    """Return the LwM2M server's URI in a Security object that is written."""
    try:
        resources = {each.id: each.value for each in _resources(tlv.decode(payload))}
        uri = resources.get(0, b"").decode()
        parts = urlsplit(uri)
        usable = parts.scheme == "coap" and parts.hostname and parts.port
    except (InvalidFormat, ValueError):
        return None
    return uri if usable else None


def _resources(entries: tuple[tlv.Entry, ...]) -> Iterator[Resource]:
    for entry in entries:
        match entry:
            case Resource():
                yield entry
            case ObjectInstance():
                yield from _resources(entry.resources)
