"""What is on its way through the store: bootstraps that begin, and those that end."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Generic

from homeport.coap.layer import Request
from homeport.coap.transport import Peer
from homeport.store.edges import EdgeRegistry
from homeport.store.operations import Bootstrapped
from homeport.store.sessions import SessionStore
from homeport.store.trust_reader import TrustReader
from homeport.store.trust_writer import TrustWriter
from services.bootstrap import attempts
from services.bootstrap.attempts import Attempt, Denial


@dataclass(frozen=True, slots=True)
class Beginning(Generic[Peer]):
    """A request on its way through the store."""

    asked: attempts.Request
    request: Request[Peer]
    arrived: float


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a bootstrap on its way through the store."""

    operation: Bootstrapped
    arrived: float


@dataclass(frozen=True, slots=True)
class Step(Generic[Peer]):
    """A piece of work, and what is recorded of it."""

    work: Beginning[Peer] | Ending
    recorded: Attempt | Denial | Ending


@dataclass(frozen=True, slots=True)
class Stores:
    """What a listener asks of the stores, and their clock (ms since 1970).

    ``recorded`` is told in which buckets something is.
    """

    sessions: SessionStore
    registry: EdgeRegistry
    reader: TrustReader
    writer: TrustWriter
    recorded: Callable[[Collection[int]], None]
    now_milliseconds: Callable[[], int]
