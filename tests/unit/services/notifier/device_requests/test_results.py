"""What comes of device requests, in the words of HTTP (R-85 .. R-93)."""

from typing import Any

import pytest

from services.notifier.device_requests import results


def fact(**changes: object) -> Any:
    return {"async_id": "mine", "outcome": "answered", "code": "2.05"} | changes


def test_a_success_has_a_payload_even_where_there_is_none() -> None:
    assert results.item(fact(code="2.04")) == {
        "id": "mine",
        "status": 200,
        "payload": "",
        "max-age": 60,
    }


def test_a_value_has_its_form_and_how_long_it_holds() -> None:
    told = fact(payload="NDI=", content_format=11542, max_age=0)
    assert results.item(told) == {
        "id": "mine",
        "status": 200,
        "payload": "NDI=",
        "ct": "application/vnd.oma.lwm2m+tlv",
        "max-age": 0,
    }


@pytest.mark.conforms("C-203")
def test_a_format_that_nobody_knows_stays_a_number() -> None:
    assert results.item(fact(content_format=65_000))["ct"] == "65000"


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("2.01", 200, None),
        ("2.02", 200, None),
        ("4.00", 400, None),
        ("4.04", 404, None),
        ("4.05", 405, None),
        ("4.06", 406, None),
        ("4.12", 412, None),
        ("4.13", 413, None),
        ("4.15", 415, None),
        ("5.00", 500, "INTERNAL_SERVER_ERROR"),
        ("5.03", 500, "SERVICE_UNAVAILABLE"),
        ("5.31", 500, "5.31"),
    ],
)
def test_the_codes_of_devices_have_a_status(
    code: str, status: int, error: str | None
) -> None:
    made = results.item(fact(code=code))
    assert (made["status"], made.get("error")) == (status, error)


@pytest.mark.parametrize(
    ("outcome", "status", "error"),
    [
        ("expired", 429, "REQUEST_EXPIRED"),
        ("removed", 429, "DEVICE_REMOVED_REGISTRATION"),
        ("blocked", 429, "DEVICE_BLOCKED"),
        ("disconnected", 502, None),
        ("unreachable", 503, "NOT_CONNECTED"),
        ("timeout", 504, "TIMEOUT"),
        ("refused", 400, None),
    ],
)
def test_a_request_without_an_answer_has_a_status(
    outcome: str, status: int, error: str | None
) -> None:
    made = results.item(fact(outcome=outcome, code=""))
    assert (made["status"], made.get("error")) == (status, error)
    assert made["payload"] == ""


def test_what_could_not_be_asked_has_the_code_that_says_so() -> None:
    assert results.item(fact(outcome="refused", code="4.05"))["status"] == 405


def test_a_value_that_will_not_be_notified_of_is_not_observable() -> None:
    assert results.item(fact(observe=True))["status"] == 412
    assert results.item(fact(observe=True, observed=True))["status"] == 200
    assert results.item(fact(observe=False))["status"] == 200
