"""What the REST routes stand on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from homeport.names import AccountId
from homeport.runtime.quotas import Quotas
from homeport.store.queue import RequestQueue
from homeport.store.trust import TrustView
from services.notifier.consuming import Consuming
from services.notifier.cursors import Cursor
from services.notifier.endpoints import Endpoints
from services.notifier.handlers import Collect
from services.notifier.insistence import Put
from services.notifier.ledger import Ledger
from services.notifier.nats_granting import Granting
from services.notifier.polls import Polls
from services.notifier.requests import Requests
from services.notifier.sockets import Sockets
from services.notifier.store import ChannelStore
from services.notifier.subscribing import Subscribing
from services.notifier.subscription_store import SubscriptionStore


@dataclass(frozen=True, slots=True)
class Ports:
    """What the routes need; ``backlog`` says what waits for a key, and what it lost."""

    trust: TrustView
    quotas: Quotas
    stored: ChannelStore
    ledger: Ledger
    put: Put
    collect: Collect
    backlog: Callable[[str, AccountId], Awaitable[Cursor]]
    polls: Polls
    sockets: Sockets
    ping_seconds: float
    requests: Requests
    queue: RequestQueue
    endpoints: Endpoints
    subscriptions: SubscriptionStore
    subscribing: Subscribing
    consuming: Consuming
    granting: Granting | None
    nats_url: str
