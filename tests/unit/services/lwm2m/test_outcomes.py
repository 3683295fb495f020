"""What came of an operation becomes what its device hears."""

from collections.abc import Sequence

import pytest

from homeport import names
from homeport.coap.answer import Answer
from homeport.coap.codec import Code, Option
from homeport.protocol import profiles
from homeport.store.operations import Outcome, Register, Result
from homeport.store.reports import Report
from services.lwm2m import outcomes
from services.lwm2m.asked import Delta, Denial
from tests.support.sessions import ACCOUNT, device

DEVICE = device()
REGISTRATION = names.new_registration_id(DEVICE.id)
UPDATE = DEVICE.update(1, REGISTRATION)
PLAIN = DEVICE.register(1)
IZUMA = DEVICE.register(1, profile="izuma", fixed=1)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome(Result.UPDATED), Code.CHANGED),
        (Outcome(Result.DEREGISTERED), Code.DELETED),
        (Outcome(Result.UNKNOWN), Code.NOT_FOUND),
        (Outcome(Result.HELD, held_milliseconds=59_001), Code.TOO_MANY_REQUESTS),
        (Outcome(Result.HELD, held_milliseconds=1, profile="izuma"), None),
        (Outcome(Result.STALE), None),
        (Outcome(Result.REPLAYED), None),
        (Outcome(Result.SUPERSEDED), None),
        (Outcome(Result.CONFLICT), None),
    ],
)
def test_an_outcome_is_answered(outcome: Outcome, code: Code | None) -> None:
    answer = outcomes.answer(UPDATE, outcome)
    assert (answer.code if answer else None) == code


def test_what_was_sent_is_answered_when_it_is_told() -> None:
    report = Report(DEVICE.bucket, DEVICE.id, "one#1", "nosec", "")
    answer = outcomes.answer(report, Outcome(Result.REPORTED))
    assert answer is not None
    assert answer.code == Code.CHANGED


def test_a_hold_says_how_long_and_is_not_kept() -> None:
    answer = outcomes.answer(UPDATE, Outcome(Result.HELD, held_milliseconds=59_001))
    assert answer is not None
    assert answer.options == ((Option.MAX_AGE, bytes([60])),)
    assert not answer.keep


@pytest.mark.parametrize(
    ("operation", "code"),
    [(PLAIN, Code.FORBIDDEN), (IZUMA, Code.UNAUTHORIZED)],
    ids=["standard", "izuma"],
)
@pytest.mark.parametrize(
    ("result", "reason"),
    [(Result.FORBIDDEN, b"another credential"), (Result.SUSPENDED, b"is suspended")],
)
def test_who_may_not_have_a_name_or_not_come_hears_why(
    operation: Register, code: Code, result: Result, reason: bytes
) -> None:
    answer = outcomes.answer(operation, Outcome(result))
    assert answer is not None
    assert answer.code == code
    assert reason in answer.payload


@pytest.mark.parametrize(
    ("operation", "location"),
    [(PLAIN, ("rd", REGISTRATION)), (IZUMA, ("rd", ACCOUNT, DEVICE.id))],
)
def test_a_registration_is_answered_with_its_location(
    operation: Register, location: Sequence[str]
) -> None:
    outcome = Outcome(Result.REGISTERED, registration=REGISTRATION)
    answer = outcomes.answer(operation, outcome)
    assert answer is not None
    assert answer.code == Code.CREATED
    assert [value.decode() for _, value in answer.options] == list(location)
    assert answer.payload == b""


def test_while_the_store_is_away_only_standard_devices_hear_it() -> None:
    answer = outcomes.unavailable(PLAIN)
    assert answer is not None
    assert answer.code == Code.SERVICE_UNAVAILABLE
    assert not answer.keep
    assert outcomes.unavailable(IZUMA) is None
    asked = Delta(UPDATE._replace(location=""), asked=None)
    assert outcomes.unavailable(asked) is None
    denied = Denial(DEVICE.refuse(), Answer(Code.FORBIDDEN), profiles.IZUMA)
    assert outcomes.unavailable(denied) is None
