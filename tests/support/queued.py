"""Operations on the requests of one device, as edges do them on a store."""

from homeport.events.facts import AnyFact, RequestCompleted, RequestOutcome
from homeport.names import EdgeId
from homeport.protocol import device_requests
from homeport.store import keys
from homeport.store.operations import (
    Result,
    TakenRequest,
)
from homeport.store.queue import RequestQueue
from homeport.store.requests import (
    Complete,
    Hold,
    Postpone,
    Recall,
    Take,
)
from homeport.store.values import LastValue
from tests.support.sessions import Edge, device

DEVICE = device()
ANSWERED = ',"outcome":"answered","code":"2.05","payload":"NDI="'
LEASE = 15_000
VALUE = LastValue(0, b"42", 1_000, 2_000)


def take(*, silent: int = 0, awake: int = 93_000, lease: int = LEASE) -> Take:
    return Take(DEVICE.bucket, DEVICE.id, silent, awake, lease)


def complete(request: str, outcome: str = ANSWERED, **effects: str) -> Complete:
    return Complete(DEVICE.bucket, DEVICE.id, request, outcome, **effects)


def hold(request: str, *, acknowledged: int = 0, lease: int = LEASE) -> Hold:
    return Hold(DEVICE.bucket, DEVICE.id, request, acknowledged, lease)


def recall(owner: str) -> Recall:
    return Recall(DEVICE.bucket, DEVICE.id, EdgeId(owner))


def postpone(request: str, body: str = "") -> Postpone:
    return Postpone(DEVICE.bucket, DEVICE.id, request, body)


def queue(store: Edge) -> RequestQueue:
    return RequestQueue(store.redis, store.sessions)


async def do(store: Edge, *operations: object) -> list[Result]:
    return [outcome.result for outcome in await store.do(*operations)]


async def taken(store: Edge) -> str:
    """Take the next request; return its id."""
    (outcome,) = await store.do(take())
    assert isinstance(outcome, TakenRequest)
    return device_requests.parse(outcome.body).id


async def ended(store: Edge) -> list[tuple[str, RequestOutcome]]:
    return [
        (fact.request_id, fact.outcome)
        for fact in await store.facts()
        if isinstance(fact, RequestCompleted)
    ]


async def last_fact(store: Edge) -> AnyFact:
    return (await store.facts())[-1]


async def location(store: Edge) -> str:
    found = await store.redis.hget(
        keys.session(DEVICE.bucket, DEVICE.id), "registration_id"
    )
    return found.decode()
