"""What the REST routes stand on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from homeport.store.trust import TrustView
from services.notifier.handlers import Collect
from services.notifier.insistence import Put
from services.notifier.ledger import Ledger
from services.notifier.polls import Polls
from services.notifier.sockets import Sockets
from services.notifier.store import ChannelStore


@dataclass(frozen=True, slots=True)
class Ports:
    """What the routes need; ``waiting`` says how many events wait for a key."""

    trust: TrustView
    stored: ChannelStore
    ledger: Ledger
    put: Put
    collect: Collect
    waiting: Callable[[str], Awaitable[int]]
    polls: Polls
    sockets: Sockets
    ping_seconds: float
