"""What the bus would not take is shortened or left out."""

import base64
from datetime import UTC, datetime

from homeport.events import bounds, facts
from homeport.events.cloudevents import Envelope
from homeport.events.facts import (
    FactName,
    RequestCompleted,
    RequestOutcome,
    ResourceNotified,
)
from homeport.names import AccountId, DeviceId

ACCOUNT, DEVICE = AccountId("a" * 32), DeviceId("d" * 32)
ABOUT = {
    "id": "1",
    "time": datetime(2026, 11, 30, tzinfo=UTC),
    "revision": 1,
    "account_id": ACCOUNT,
    "device_id": DEVICE,
    "endpoint_name": "kettle",
}
PAYLOAD = "x" * 10_000


def envelope(fact: facts.Fact) -> Envelope:
    return Envelope(
        "1", fact.name, ACCOUNT, DEVICE, "2026-11-30T00:00:00Z", facts.build(fact)
    )


def completed() -> Envelope:
    return envelope(
        RequestCompleted(
            **ABOUT,
            request_id="r",
            key_id="k",
            async_id="mine",
            method="GET",
            path="/5/0/0",
            outcome=RequestOutcome.ANSWERED,
            code="2.05",
            content_format=42,
            payload=PAYLOAD,
        )
    )


def test_what_fits_stays_as_it_is() -> None:
    event = completed()
    assert bounds.bounded(event, 20_000) is event


def test_the_end_of_a_request_is_told_in_any_case() -> None:
    shortened = bounds.bounded(completed(), 10_000)
    assert shortened is not None
    fact = facts.parse(shortened.body)
    assert isinstance(fact, RequestCompleted)
    assert (fact.request_id, fact.async_id, fact.outcome) == ("r", "mine", "answered")
    assert (fact.code, fact.content_format) == ("5.00", None)
    assert b"larger" in base64.b64decode(fact.payload)


def test_everything_else_is_left_out() -> None:
    told = ResourceNotified(**ABOUT, path="/5/0/0", payload=PAYLOAD)
    assert bounds.bounded(envelope(told), 10_000) is None
    broken = Envelope(
        "1", FactName.DEVICE_REGISTERED, ACCOUNT, DEVICE, "", b"{" * 10_000
    )
    assert bounds.bounded(broken, 10_000) is None
