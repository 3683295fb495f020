"""What the script answers becomes an outcome."""

import pytest

from homeport.store import operations
from homeport.store.operations import (
    Expired,
    Located,
    Outcome,
    RecalledSession,
    Result,
    TakenRequest,
)


def test_a_word_is_an_outcome() -> None:
    assert operations.outcome(b"updated") == Outcome(Result.UPDATED)


def test_a_registration_comes_with_its_id() -> None:
    answer = [b"registered", b"abc", b""]
    assert operations.outcome(answer) == Outcome(Result.REGISTERED, registration="abc")


def test_a_registration_comes_with_its_rival() -> None:
    assert operations.outcome([b"registered", b"abc", b"192.0.2.1:5683"]) == Outcome(
        Result.REGISTERED, registration="abc", rival="192.0.2.1:5683"
    )


def test_a_hold_comes_with_its_time_and_profile() -> None:
    assert operations.outcome([b"held", 60_000, b"izuma"]) == Outcome(
        Result.HELD, held_milliseconds=60_000, profile="izuma"
    )


def test_an_update_says_whether_requests_wait() -> None:
    assert operations.outcome([b"updated", b"", b"waiting"]) == Outcome(
        Result.UPDATED, waiting=True
    )
    assert operations.outcome([b"recorded", b"", b""]) == Outcome(Result.RECORDED)


@pytest.mark.parametrize("word", ["queued", "busy", "elsewhere", "postponed"])
def test_an_edge_is_told_by_its_name(word: str) -> None:
    answer = [word.encode(), b"lwm2m-1"]
    assert operations.outcome(answer) == Outcome(Result(word), edge="lwm2m-1")


@pytest.mark.parametrize(("told", "szx"), [(b"", None), (b"4", 4)])
def test_a_request_is_taken_with_what_its_device_is(
    told: bytes, szx: int | None
) -> None:
    device = b"nosec", b"izuma", b"1.1", b"/lwm2m", b"0a0b0c0d", told
    assert operations.outcome([b"taken", b"{}", *device]) == TakenRequest(
        Result.TAKEN,
        profile="izuma",
        body="{}",
        identity="nosec",
        version="1.1",
        root="/lwm2m",
        token="0a0b0c0d",
        szx=szx,
    )


@pytest.mark.parametrize("told", [b"0", b"1"])
def test_a_device_is_recalled_with_what_leads_to_it(told: bytes) -> None:
    heard = b"192.0.2.1:5684", b"c0ffee", b"c0ffee07"
    answer = [b"recalled", b"izuma", told, b"5000", *heard, b"psk:01"]
    assert operations.outcome(answer) == RecalledSession(
        Result.RECALLED,
        profile="izuma",
        queue_mode=told == b"1",
        silent_milliseconds=5_000,
        peer="192.0.2.1:5684",
        exchanges="c0ffee",
        mark="c0ffee07",
        identity="psk:01",
    )


def test_what_a_token_stands_for_is_located() -> None:
    answer = [b"located", b"/5/0/0", b""]
    assert operations.outcome(answer) == Located(Result.LOCATED, path="/5/0/0")


def test_an_answer_of_another_shape_is_an_error() -> None:
    with pytest.raises(ValueError, match="script answered"):
        operations.outcome([1, 2, 3])


@pytest.mark.parametrize(("due", "next_due"), [(b"", None), (b"1700", 1700.0)])
def test_a_sweep_says_what_is_due_next(due: bytes, next_due: float | None) -> None:
    answer = [b"expired", 3, 1, due]
    assert operations.expired(answer) == Expired(3, 1, next_due)


def test_every_operation_has_a_name_in_the_script() -> None:
    assert set(operations.NAMES) == set(operations.Operation.__args__)
