"""The message layer towards whatever arrives: lockstep, byte for byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.coap import codec
from homeport.coap.codec import Code, Type
from homeport.coap.layer import (
    Cause,
    Failure,
    Notification,
    Reply,
    Request,
    Stray,
)
from tests.support.lockstep import PEER, Lockstep, acknowledge


def test_a_ping_is_reset() -> None:
    step = Lockstep()
    assert step.take("40 00 1234") is None
    assert step.sent_one().hex() == "70001234"


@pytest.mark.parametrize(
    "datagram",
    [
        "48 02 1234 aabb",  # the token breaks off
        "40 02 1234 b4 7264",  # Uri-Path breaks off
        "40 02 1234 ff",  # a payload marker and no payload
        "49 02 1234 000000000000000000",  # a token of nine bytes
    ],
)
def test_a_confirmable_message_with_a_good_header_only_is_reset(datagram: str) -> None:
    step = Lockstep()
    assert step.take(datagram) is None
    assert step.sent_one().hex() == "70001234"


@pytest.mark.parametrize(
    "datagram",
    [
        "",
        "40",
        "ffffffff",
        "00 02 1234",  # version 0
        "50 02 1234 ff",  # non-confirmable and broken
        "50 45 1234",  # a notification of nothing
    ],
)
def test_what_needs_no_answer_is_dropped(datagram: str) -> None:
    step = Lockstep()
    assert step.take(datagram) is None
    assert step.sent() == []


@pytest.mark.parametrize(
    "datagram",
    [
        "60 44 1234",
        "60 00 1234 c0",  # an empty acknowledgement as Izuma devices write it
        "70 00 1234",
    ],
)
def test_an_acknowledgement_and_a_reset_of_nothing_are_strays(datagram: str) -> None:
    step = Lockstep()
    stray = step.take(datagram)
    assert isinstance(stray, Stray)
    assert (stray.message.message_id, stray.address) == (0x1234, PEER)
    assert step.sent() == []


@pytest.mark.parametrize("code", ["45", "e1", "20"])
def test_a_confirmable_message_that_nobody_waits_for_is_reset(code: str) -> None:
    step = Lockstep()
    assert step.take(f"40 {code} 1234") is None
    if code != "20":
        assert step.sent_one().hex() == "70001234"


@given(st.binary(max_size=64))
def test_arbitrary_bytes_never_break_it(datagram: bytes) -> None:
    step = Lockstep()
    step.take(datagram)
    step.take(datagram)
    assert all(len(answer) <= 3 * max(len(datagram), 10) for answer in step.sent())


def test_each_kind_of_message_reaches_its_half() -> None:
    step = Lockstep()
    assert isinstance(step.take("40 02 0001 b2 7264"), Request)
    assert isinstance(step.take("51 45 0002 aa 60"), Notification)
    step.layer.request(PEER, Code.GET, now=step.now)
    assert isinstance(step.take(acknowledge(step.sent_message())), Reply)
    exchange = step.layer.request(PEER, Code.GET, now=step.now)
    reset = codec.encode_empty(Type.RST, step.sent_message().message_id)
    assert step.take(reset) == Failure(exchange, Cause.RESET, "was reset")


def test_what_a_peer_leaves_open_fails_when_it_is_lost() -> None:
    step = Lockstep()
    exchanges = [step.layer.request(PEER, Code.GET, now=step.now) for _ in range(2)]
    other = step.layer.request("other", Code.GET, now=step.now)
    failures = step.layer.lost(PEER)
    assert [failure.exchange for failure in failures] == exchanges
    assert {failure.cause for failure in failures} == {Cause.LOST}
    assert step.layer.lost(PEER) == []
    step.layer.cancel(other)
    assert step.layer.next_deadline() is None
