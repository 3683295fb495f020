"""Signals (RFC 8323 §5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.coap.tcp import frames, signals
from homeport.coap.tcp.frames import Frame
from homeport.coap.tcp.signals import BadOption, Signal
from homeport.errors import InvalidMessage


def frame(text: str) -> Frame:
    parsed = frames.parse(bytes.fromhex(text))
    assert parsed is not None
    return parsed[0]


@pytest.mark.parametrize(
    ("csm", "size"),
    [
        ("68 e1 1122334455667788 24 ffffffff 20", 0xFFFF_FFFF),  # Anjay (TRN-12)
        ("00 e1", None),
        ("30 e1 22 0480", 0x480),
        ("10 e1 40", None),  # block-wise transfer alone
        ("60 e1 25 0000000480", None),  # a number of five bytes is none
        ("20 e1 81 01", None),  # an elective option that nobody knows
    ],
)
def test_capabilities_tell_the_largest_message(csm: str, size: int | None) -> None:
    assert signals.parse_csm(frame(csm)) == size


@pytest.mark.parametrize(("csm", "number"), [("10 e1 10", 1), ("20 e1 d0 00", 13)])
def test_a_critical_option_of_capabilities_is_refused_by_its_number(
    csm: str, number: int
) -> None:
    with pytest.raises(BadOption) as refused:
        signals.parse_csm(frame(csm))
    abort = signals.build_abort(refused.value)
    assert abort.rest.startswith(bytes([0x21, number]))  # Bad-CSM-Option (2)


def test_a_custody_option_is_passed_over_and_a_critical_one_is_not() -> None:
    signals.check(frame("10 e2 20"))
    with pytest.raises(InvalidMessage, match="unknown critical option 3"):
        signals.check(frame("10 e2 30"))


def test_our_capabilities_are_what_a_peer_reads() -> None:
    csm = signals.build_csm(103_552)
    assert csm == Frame(Signal.CSM, b"", bytes.fromhex("23 019480 20"))
    assert signals.parse_csm(csm) == 103_552


@given(st.text(max_size=40))
def test_an_abort_says_why(reason: str) -> None:
    abort = signals.build_abort(InvalidMessage(reason))
    assert abort.code == Signal.ABORT
    assert abort.rest == (b"\xff" + reason.encode() if reason else b"")


def test_a_pong_has_the_token_of_its_ping() -> None:
    assert signals.build_pong(frame("01 e2 aa")) == Frame(Signal.PONG, b"\xaa", b"")
    assert signals.build_release() == Frame(Signal.RELEASE, b"", b"")
