"""Of two notifications, the newer one (RFC 7641 §3.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.coap.codec import Code, Message, Option, Type
from homeport.coap.observing import is_newer

numbers = st.integers(0, 2**24 - 1)


def told(number: int | None) -> Message:
    options = ()
    if number is not None:
        options = ((int(Option.OBSERVE), number.to_bytes(3, "big")),)
    return Message(Type.CON, Code.CONTENT, 1, b"\x01", options)


@pytest.mark.conforms("C-171", "RFC 7641 §3.4", "B-211")
@pytest.mark.parametrize(
    ("known", "number", "newer"),
    [
        (2, 3, True),
        (3, 2, False),
        (3, 3, False),
        (2**24 - 1, 0, True),
        (0, 2**24 - 1, False),
        (0, 2**23 - 1, True),
        (0, 2**23, False),
        (0, 2**23 + 1, False),
        (2**23 + 1, 0, True),
    ],
)
def test_numbers_tell_which_is_newer_round_their_end(
    known: int, number: int, *, newer: bool
) -> None:
    assert is_newer(told(number), told(known), seconds=1) is newer


def test_after_128_seconds_numbers_mean_nothing() -> None:
    assert not is_newer(told(2), told(3), seconds=128)
    assert is_newer(told(2), told(3), seconds=128.1)


def test_the_end_of_an_observation_has_no_number_and_is_its_last_word() -> None:
    assert is_newer(told(None), told(3), seconds=0)


@given(numbers, numbers)
def test_of_two_notifications_one_at_most_is_newer(one: int, other: int) -> None:
    newer = is_newer(told(one), told(other), seconds=0)
    assert not (newer and is_newer(told(other), told(one), seconds=0))
