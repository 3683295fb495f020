"""A request that is lost is told of as any other end would be."""

from datetime import UTC, datetime

from homeport.events import facts
from homeport.events.cloudevents import Envelope
from homeport.events.facts import RequestCompleted, RequestOutcome
from homeport.names import AccountId, DeviceId
from services.notifier.device_requests import sweeping
from services.notifier.device_requests.open_requests import OpenRequest

REQUEST = OpenRequest(
    "r" * 32,
    "k" * 32,
    "mine",
    AccountId("a" * 32),
    DeviceId("d" * 32),
    "urn:dev:1",
    "GET",
    "/3/0/9",
)


def test_the_event_is_a_fact_like_any_other() -> None:
    envelope = sweeping.lost(REQUEST, now=datetime(2026, 11, 24, tzinfo=UTC))
    assert envelope.id == f"{REQUEST.device_id}.{REQUEST.request_id}"
    fact = facts.parse(envelope.body)
    assert isinstance(fact, RequestCompleted)
    assert fact.id == envelope.id
    assert (fact.key_id, fact.async_id) == (REQUEST.key_id, REQUEST.async_id)
    assert fact.outcome is RequestOutcome.REMOVED


async def test_its_event_is_published() -> None:
    published: list[Envelope] = []

    async def publish(envelope: Envelope) -> None:
        published.append(envelope)

    await sweeping.ends(publish).end(REQUEST)
    (envelope,) = published
    assert envelope.device == REQUEST.device_id
