"""What the REST routes stand on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from homeport.names import AccountId
from homeport.runtime.quotas import Quotas
from homeport.store.definitions import DefinitionReader
from homeport.store.memberships import Memberships
from homeport.store.queue import RequestQueue
from homeport.store.trust import TrustView
from services.notifier.channels.handlers import Collect
from services.notifier.channels.insistence import Put
from services.notifier.channels.ledger import Ledger
from services.notifier.channels.polls import Polls
from services.notifier.channels.sockets import Sockets
from services.notifier.channels.store import ChannelStore
from services.notifier.device_requests.endpoints import Endpoints
from services.notifier.device_requests.requests import Requests
from services.notifier.named_consumers.consuming import Consuming
from services.notifier.nats_users.nats_granting import Granting
from services.notifier.stream.cursors import Cursor
from services.notifier.subscriptions.subscribing import Subscribing
from services.notifier.subscriptions.subscription_store import SubscriptionStore


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
    definitions: DefinitionReader
    subscriptions: SubscriptionStore
    subscribing: Subscribing
    consuming: Consuming
    memberships: Memberships
    granting: Granting | None
    nats_url: str
