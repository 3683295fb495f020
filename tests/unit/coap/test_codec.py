"""The codec reads what devices send, and nothing else."""

import aiocoap
import pytest
from aiocoap.error import UnparsableMessage
from hypothesis import given
from hypothesis import strategies as st

from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option, Type
from homeport.errors import InvalidMessage
from tests.support.captures import Captured, captures
from tests.support.lockstep import raw

CAPTURED = [message for messages in captures().values() for message in messages]
LOCATION = "0123456789abcdef" * 3

opaque = st.lists(
    st.tuples(st.sampled_from([4, 252, 292, 65_000]), st.binary(max_size=300)),
    max_size=8,
).map(lambda pairs: tuple(sorted(pairs, key=lambda pair: pair[0])))
messages = st.builds(
    Message,
    st.sampled_from(list(Type)),
    st.integers(1, 255).map(Code),
    st.integers(0, 65_535),
    st.binary(max_size=8),
    opaque,
    st.binary(max_size=100),
)


@pytest.mark.parametrize("captured", CAPTURED)
def test_every_captured_message_is_read_and_written_to_the_byte(
    captured: Captured,
) -> None:
    assert codec.encode(codec.decode(captured.datagram)) == captured.datagram


@pytest.mark.parametrize("captured", CAPTURED[::5])
def test_a_captured_message_that_breaks_off_never_passes_for_a_longer_one(
    captured: Captured,
) -> None:
    whole = codec.decode(captured.datagram)
    for end in range(len(captured.datagram)):
        try:
            part = codec.decode(captured.datagram[:end])
        except InvalidMessage:
            continue
        assert part.options == whole.options[: len(part.options)]
        assert whole.payload.startswith(part.payload)


@given(messages)
def test_what_is_encoded_is_decoded_to_the_same(message: Message) -> None:
    assert codec.decode(codec.encode(message)) == message
    assert codec.encode(message) == raw(message)


@given(st.builds(raw, messages), st.binary(max_size=40))
def test_it_reads_the_same_as_aiocoap_wherever_that_reads_whole_options(
    datagram: bytes, more: bytes
) -> None:
    for candidate in (datagram, datagram + more, datagram[: len(more)]):
        try:
            ours = codec.decode(candidate)
        except InvalidMessage:
            continue
        try:
            theirs = aiocoap.Message.decode(candidate)
        except (UnparsableMessage, UnicodeDecodeError, ValueError):
            continue
        assert ours.code == theirs.code
        assert ours.type == theirs.mtype
        assert ours.message_id == theirs.mid
        assert ours.token == theirs.token
        assert ours.payload == theirs.payload
        numbers = [int(option.number) for option in theirs.opt.option_list()]
        assert [number for number, _ in ours.options] == numbers


@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_a_message_or_an_error(datagram: bytes) -> None:
    try:
        message = codec.decode(datagram)
    except InvalidMessage:
        return
    assert raw(message) == datagram


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        ("", "shorter than a header"),
        ("400112", "shorter than a header"),
        ("00011234", "version 0"),
        ("80011234", "version 2"),
        ("49011234" + "00" * 9, "token that is too long"),
        ("44011234aabb", "token that is too long"),
        ("40011234b46161", "option that breaks off"),
        ("40011234bd", "option that breaks off"),
        ("40011234be01", "option that breaks off"),
        ("40011234f1", "reserved length"),
        ("400112341f", "reserved length"),
        ("40011234ff", "payload marker and no payload"),
        ("40011234e0ffff", "no number is left"),
        ("40011234e0fef200e00001", "no number is left"),
        ("40001234c0", "empty and goes on"),
        ("60001234c000", "empty and goes on"),
        ("60001234b0", "empty and goes on"),
        ("6100123401", "empty and goes on"),
        ("70001234ff01", "empty and goes on"),
    ],
)
def test_a_format_error_is_named(datagram: str, reason: str) -> None:
    with pytest.raises(InvalidMessage, match=reason):
        codec.decode(bytes.fromhex(datagram))


def test_the_empty_acknowledgement_of_izumas_clients_is_one() -> None:
    message = codec.decode(bytes.fromhex("60001234c0"))
    assert (message.type, message.code) == (Type.ACK, Code.EMPTY)
    assert message.message_id == 0x1234


def test_a_request_is_told_by_its_parts() -> None:
    message = codec.decode(
        b"\x44\x02\xd8\x35\xf2\x9e\xd2\x78"  # CON POST, id d835, token of 4
        b"\xb2rd"  # Uri-Path (11)
        b"\x11\x28"  # Content-Format (12): 40
        b"\x34ep=a\x05lt=60"  # Uri-Query (15), twice
    )
    assert message.path == ("rd",)
    assert message.queries == ("ep=a", "lt=60")
    assert message.content_format == 40
    assert message.number(Option.MAX_AGE) is None


def test_a_code_is_written_the_way_people_do() -> None:
    assert codec.code_text(Code.NOT_FOUND) == "4.04"
    assert codec.code_text(Code.CHANGED) == "2.04"


def test_a_request_is_written_the_way_people_do() -> None:
    path = ((int(Option.URI_PATH), b"rd"), (int(Option.URI_PATH), b"x" * 200))
    assert codec.request_text(Message(Type.CON, Code.DELETE, 1, b"", path[:1])) == (
        "DELETE /rd"
    )
    assert len(codec.request_text(Message(Type.CON, Code.POST, 1, b"", path))) == 128


@pytest.mark.parametrize("tail", ["", "1128", "112820", "30"])
@pytest.mark.parametrize("token", [b"", b"\x01\x02\x03\x04", bytes(8)])
def test_a_renewal_is_read_as_the_decoder_reads_it(token: bytes, tail: str) -> None:
    datagram = (
        bytes([0x40 | len(token), 2, 0xAB, 0xCD])
        + token
        + b"\xb2rd\x0d\x23"
        + LOCATION.encode()
        + bytes.fromhex(tail)
    )
    renewal = codec.decode_renewal(datagram)
    message = codec.decode(datagram)
    assert renewal is not None
    assert renewal.message_id == message.message_id == 0xABCD
    assert renewal.token == message.token == token
    assert ("rd", renewal.location) == message.path


@pytest.mark.parametrize(
    "message",
    [
        Message(Type.NON, Code.POST, 1, b"", ((11, b"rd"), (11, LOCATION.encode()))),
        Message(Type.CON, Code.DELETE, 1, b"", ((11, b"rd"), (11, LOCATION.encode()))),
        Message(Type.CON, Code.POST, 1, b"", ((11, b"rx"), (11, LOCATION.encode()))),
        Message(Type.CON, Code.POST, 1, b"", ((11, b"rd"), (11, b"short"))),
        Message(Type.CON, Code.POST, 1, b"", ((11, b"rd"), (11, b"\xff" * 48))),
        Message(
            Type.CON,
            Code.POST,
            1,
            b"",
            ((11, b"rd"), (11, LOCATION.encode()), (15, b"lt=60")),
        ),
        Message(
            Type.CON, Code.POST, 1, b"", ((11, b"rd"), (11, LOCATION.encode())), b"</1>"
        ),
    ],
)
def test_an_update_that_says_more_is_no_renewal(message: Message) -> None:
    assert codec.decode_renewal(raw(message)) is None


@given(st.binary(max_size=80))
def test_a_renewal_is_never_seen_where_the_decoder_sees_something_else(
    tail: bytes,
) -> None:
    for datagram in (tail, b"\x40\x02\x00\x01\xb2rd\x0d\x23" + tail):
        renewal = codec.decode_renewal(datagram)
        if renewal is not None:
            assert codec.decode(datagram).path == ("rd", renewal.location)


def test_an_acknowledgement_is_what_the_decoder_reads() -> None:
    datagram = codec.encode_acknowledgement(Code.CHANGED, 0x1234, b"\x01\x02")
    assert codec.decode(datagram) == Message(
        Type.ACK, Code.CHANGED, 0x1234, b"\x01\x02"
    )
    assert codec.decode(codec.encode_empty(Type.RST, 7)) == Message(
        Type.RST, Code.EMPTY, 7
    )
