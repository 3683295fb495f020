"""Frames of CoAP over TCP (RFC 8323 §3.2)."""

import aiocoap
import pytest
from aiocoap.transports import tcp
from hypothesis import given
from hypothesis import strategies as st

from homeport.coap.tcp import frames
from homeport.coap.tcp.frames import LARGEST_MESSAGE, Frame
from homeport.errors import InvalidMessage

rests = st.one_of(
    st.binary(max_size=20),
    st.sampled_from([12, 13, 14, 268, 269, 270, 65_804, 65_805, 66_000]).map(bytes),
)
made = st.builds(Frame, st.integers(0, 255), st.binary(max_size=8), rests)


@given(made, st.binary(max_size=20))
def test_what_is_built_is_parsed_to_the_same(frame: Frame, more: bytes) -> None:
    built = frames.build(frame)
    assert frames.parse(built + more) == (frame, len(built))


@given(made)
def test_a_frame_that_is_not_all_there_is_waited_for(frame: Frame) -> None:
    built = frames.build(frame)
    for end in {*range(min(len(built), 20)), len(built) - 1}:
        assert frames.parse(built[:end]) is None


@given(st.lists(made, min_size=1, max_size=3))
def test_frames_are_parsed_one_behind_the_other(expected: list[Frame]) -> None:
    received = bytearray(b"".join(map(frames.build, expected)))
    at, parsed = 0, []
    while (found := frames.parse(received, at)) is not None:
        frame, at = found
        parsed.append(frame)
    assert parsed == expected
    assert at == len(received)


@given(
    st.sampled_from([aiocoap.GET, aiocoap.POST, aiocoap.CHANGED, aiocoap.CONTENT]),
    st.binary(max_size=8),
    st.lists(st.binary(max_size=200).map(bytes.hex), max_size=3),
    st.binary(max_size=300),
)
def test_aiocoap_builds_and_reads_the_same(
    code: aiocoap.Code, token: bytes, path: list[str], payload: bytes
) -> None:
    message = aiocoap.Message(code=code, _token=token, payload=payload, uri_path=path)
    serialized = tcp._serialize(message)
    frame, end = frames.parse(serialized) or (None, 0)
    assert frame is not None
    assert end == len(serialized)
    assert (frame.code, frame.token) == (code, token)
    assert frames.build(frame) == serialized
    assert tcp._decode_message(frames.build(frame)).payload == payload


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_a_frame_an_error_or_a_beginning(received: bytes) -> None:
    try:
        found = frames.parse(received)
    except InvalidMessage:
        return
    if found is not None:
        frame, end = found
        assert frames.parse(frames.build(frame)) == (frame, len(frames.build(frame)))
        assert end <= len(received)


@pytest.mark.parametrize(
    ("frame", "length"),
    [
        (Frame(0x02, b"", bytes(LARGEST_MESSAGE - 6)), LARGEST_MESSAGE),
        (Frame(0x02, b"12345678", bytes(LARGEST_MESSAGE - 14)), LARGEST_MESSAGE),
    ],
)
def test_the_largest_message_is_taken(frame: Frame, length: int) -> None:
    built = frames.build(frame)
    assert len(built) == length
    assert frames.parse(built) == (frame, length)


def test_a_larger_one_is_refused_before_it_has_arrived() -> None:
    built = frames.build(Frame(0x02, b"", bytes(LARGEST_MESSAGE - 5)))
    with pytest.raises(InvalidMessage, match="larger than a message may be"):
        frames.parse(built[:5])


def test_a_token_of_nine_bytes_is_refused_at_once() -> None:
    with pytest.raises(InvalidMessage, match="token that is too long"):
        frames.parse(b"\x09")
