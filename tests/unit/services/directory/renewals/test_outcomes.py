"""What a device answers, or does not, becomes the result of a renewal."""

import base64

import pytest

from homeport.events.facts import FactName, RequestCompleted, RequestOutcome
from services.directory.renewals import outcomes
from services.directory.renewals.outcomes import Ended, EnrollResult
from tests.support.directory import ACCOUNT, START, fact

ENROLLMENT = "e" * 32


def completed(**changed: object) -> RequestCompleted:
    """Make the fact that ends a renewal."""
    told = {
        "request_id": outcomes.request_id(ENROLLMENT),
        "key_id": "",
        "async_id": "",
        "method": "POST",
        "path": "/35011/0/27002",
        "outcome": "answered",
        "code": "2.04",
        "payload": encoded(b"0"),
    }
    made = fact(FactName.REQUEST_COMPLETED, 0, **{**told, **changed})
    assert isinstance(made, RequestCompleted)
    return made


def encoded(payload: bytes) -> str:
    return base64.b64encode(payload).decode()


def detail(**changed: object) -> str:
    """Return why a renewal has failed."""
    ended = outcomes.ended(completed(**changed))
    assert ended is not None
    assert ended.result is EnrollResult.FAILURE
    assert ended.detail
    return ended.detail


def test_a_result_of_zero_is_a_success() -> None:
    assert outcomes.ended(completed()) == Ended(
        ACCOUNT, ENROLLMENT, EnrollResult.SUCCESS, None, START
    )


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"1285", "the device says: it is busy with another renewal (0x0505)"),
        (b"1", "the device says: it failed (0x0001)"),
        (b"", "the device did not say what came of it"),
        (b"\xff", "the device did not say what came of it"),
    ],
)
def test_another_result_is_a_failure_that_says_why(payload: bytes, said: str) -> None:
    assert detail(payload=encoded(payload)) == said


def test_what_is_no_base64_says_nothing() -> None:
    assert detail(payload="*") == "the device did not say what came of it"


@pytest.mark.parametrize("code", ["4.04", "5.00"])
def test_an_error_of_the_device_is_a_failure(code: str) -> None:
    assert detail(code=code) == f"the device answered {code}"


@pytest.mark.parametrize(
    "outcome", sorted(set(RequestOutcome) - {RequestOutcome.ANSWERED})
)
def test_every_other_end_is_a_failure(outcome: RequestOutcome) -> None:
    assert detail(outcome=outcome, code="", payload="").startswith("the ")


def test_other_requests_are_of_no_concern() -> None:
    assert outcomes.ended(completed(request_id=ENROLLMENT)) is None
    assert outcomes.enrollment_of("") == ""
