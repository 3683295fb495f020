"""CoAP, case by case: bytes in, bytes out, and a clock that the test sets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.coap import blockwise, codec
from homeport.coap.answer import Answer, explain
from homeport.coap.blockwise import LARGEST_BODY, MOST_BODIES, Block
from homeport.coap.codec import Code, Message, Option, Type
from homeport.coap.layer import MessageLayer, Request
from tests.support.lockstep import Lockstep, raw

BODY = bytes(range(256)) * 390
"""Nearly a hundred kilobytes."""


def post(
    *options: tuple[int, bytes],
    payload: bytes = b"",
    mid: int = 1,
    token: bytes = b"\x01",
    kind: Type = Type.CON,
) -> bytes:
    named = sorted([(int(Option.URI_PATH), b"rd"), *options], key=lambda pair: pair[0])
    return raw(Message(kind, Code.POST, mid, token, tuple(named), payload))


def part(
    number: int,
    body: bytes,
    szx: int,
    *options: tuple[int, bytes],
    token: bytes = b"\x01",
) -> bytes:
    """Make the block of a body that has this number."""
    size = 16 << szx
    more = (number + 1) * size < len(body)
    block = (int(Option.BLOCK1), blockwise.build(Block(number, more, szx)))
    return post(
        block,
        *options,
        payload=body[number * size : (number + 1) * size],
        mid=number,
        token=token,
    )


@pytest.mark.conforms("C-021", "C-083", "RFC 7252 §4.5")
def test_a_repeated_message_has_one_effect_and_one_answer() -> None:
    step = Lockstep()
    first = step.respond(step.take(post()))
    assert step.take(post()) is None
    assert step.sent_one() == first


@pytest.mark.conforms("C-188", "Anjay client_block_request")
@pytest.mark.parametrize("szx", range(2, 7))
def test_a_body_of_a_hundred_kilobytes_arrives_in_blocks_of_any_size(szx: int) -> None:
    step = Lockstep()
    count = -(-len(BODY) // (16 << szx))
    for number in range(count - 1):
        assert step.take(part(number, BODY, szx)) is None
        assert step.sent_message().code == Code.CONTINUE
    request = step.take(part(count - 1, BODY, szx))
    assert isinstance(request, Request)
    assert request.message.payload == BODY


@pytest.mark.conforms("C-189", "RFC 7959 §2.9.2")
def test_a_missing_block_is_told_and_a_new_beginning_works() -> None:
    step, body = Lockstep(), BODY[:1_500]
    step.take(part(0, body, 5))
    assert step.take(part(2, body, 5)) is None
    *_, refused = map(codec.decode, step.sent())
    assert refused.code == Code.REQUEST_ENTITY_INCOMPLETE
    step.wait(300)
    for number in range(2):
        assert step.take(part(number, body, 5)) is None
    request = step.take(part(2, body, 5))
    assert isinstance(request, Request)
    assert request.message.payload == body


@pytest.mark.conforms("C-190", "RFC 7959 §2.3")
def test_blocks_may_become_smaller_on_the_way() -> None:
    step, body = Lockstep(), BODY[:768]
    step.take(part(0, body, 5))
    for number in range(8, 11):
        assert step.take(part(number, body, 2)) is None
    request = step.take(part(11, body, 2))
    assert isinstance(request, Request)
    assert request.message.payload == body


@pytest.mark.conforms("C-191", "RFC 9175 §3")
@pytest.mark.parametrize("by", ["tag", "token"])
def test_two_bodies_of_one_device_do_not_mix(by: str) -> None:
    step, bodies = Lockstep(), []
    for number in range(2):
        for which in (b"a", b"b"):
            tags = [(int(Option.REQUEST_TAG), which)] if by == "tag" else []
            token = which if by == "token" else b"\x01"
            datagram = bytearray(part(number, which * 48, 1, *tags, token=token))
            datagram[2] = which[0]
            taken = step.take(bytes(datagram))
            bodies += [taken.message.payload] if isinstance(taken, Request) else []
    assert bodies == [b"a" * 48, b"b" * 48]


@pytest.mark.conforms("C-192", "RFC 7959 §2.9.3", "B-218")
def test_a_body_over_the_cap_is_refused_and_leaves_nothing() -> None:
    step = Lockstep()
    body = bytes(LARGEST_BODY + 1)
    count = LARGEST_BODY // 1024
    for number in range(count + 1):
        step.take(part(number, body, 6))
    *_, refused = map(codec.decode, step.sent())
    assert refused.code == Code.REQUEST_ENTITY_TOO_LARGE
    assert refused.number(Option.SIZE1) == LARGEST_BODY
    assert not step.layer._serving._bodies._owners


@pytest.mark.conforms("C-192", "RFC 7959 §4")
def test_a_body_that_says_so_itself_is_refused_with_its_first_block() -> None:
    step = Lockstep()
    announced = (int(Option.SIZE1), (LARGEST_BODY + 1).to_bytes(3, "big"))
    assert step.take(part(0, BODY, 5, announced)) is None
    assert step.sent_message().code == Code.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.conforms("C-196", "RFC 7959 §2.5")
def test_a_body_that_is_abandoned_is_forgotten_in_time() -> None:
    step, body = Lockstep(), BODY[:1_000]
    step.take(part(0, body, 5))
    step.wait(248)
    assert step.take(part(1, body, 5)) is None
    *_, refused = map(codec.decode, step.sent())
    assert refused.code == Code.REQUEST_ENTITY_INCOMPLETE


@pytest.mark.conforms("C-197", "RFC 7959 §2.9.2")
def test_a_body_that_goes_on_at_another_edge_begins_anew_there() -> None:
    here, there, body = Lockstep(), Lockstep(), BODY[:1_000]
    here.take(part(0, body, 5))
    assert there.take(part(1, body, 5)) is None
    assert there.sent_message().code == Code.REQUEST_ENTITY_INCOMPLETE
    there.take(part(0, body, 5))
    datagram = bytearray(part(1, body, 5))
    datagram[3] = 9
    assert isinstance(there.take(bytes(datagram)), Request)


@pytest.mark.conforms("C-204", "RFC 7252 §3")
@given(st.binary(max_size=80))
def test_any_bytes_are_a_message_a_reset_or_nothing(datagram: bytes) -> None:
    step = Lockstep()
    step.take(datagram)
    assert all(codec.decode(answer) for answer in step.sent())


@pytest.mark.conforms("C-206", "RFC 7252 §3", "RFC 8974")
@pytest.mark.parametrize("length", range(9, 16))
def test_a_token_of_more_than_eight_bytes_is_a_format_error(length: int) -> None:
    step = Lockstep()
    assert step.take(bytes([0x40 | length, 2, 0x12, 0x34]) + bytes(length)) is None
    assert step.sent_one().hex() == "70001234"


@pytest.mark.conforms("C-207", "RFC 7252 §3")
@pytest.mark.parametrize(
    ("datagram", "reset"), [("400212 34ff", True), ("50021234ff", False)]
)
def test_a_marker_without_payload_is_a_format_error(
    datagram: str, *, reset: bool
) -> None:
    step = Lockstep()
    assert step.take(datagram) is None
    assert step.sent() == ([bytes.fromhex("70001234")] if reset else [])


@pytest.mark.conforms("C-208", "COAP-3", "RFC 7252 §4.1")
def test_the_empty_acknowledgement_of_izumas_clients_is_taken() -> None:
    step = Lockstep()
    exchange = step.layer.request("peer", Code.POST, path=("bs",), now=step.now)
    asked = step.sent_one()
    assert step.take(b"\x60\x00" + asked[2:4] + b"\xc0", "peer") is None
    assert step.wait(30) == []
    assert step.sent() == []
    said = raw(Message(Type.CON, Code.CHANGED, 77, exchange.token))
    assert step.take(said, "peer") is not None


@pytest.mark.conforms("C-208", "RFC 7252 §4.1")
@pytest.mark.parametrize(
    "datagram", ["40001234c0", "6000 1234 c000", "61001234 01", "60001234ff01"]
)
def test_any_other_empty_message_that_goes_on_is_a_format_error(datagram: str) -> None:
    step = Lockstep()
    assert step.take(datagram) is None
    confirmable = datagram.startswith("40")
    assert step.sent() == ([bytes.fromhex("70001234")] if confirmable else [])


@pytest.mark.conforms("C-209", "C-229", "RFC 7252 §3.1")
@pytest.mark.parametrize(
    "options", ["f0", "0f", "dd", "e0ffff", "e0fef2e00001", "de00", "bd"]
)
def test_an_option_with_an_impossible_number_or_length_is_a_format_error(
    options: str,
) -> None:
    step = Lockstep()
    assert step.take(f"40021234{options}") is None
    assert step.sent_one().hex() == "70001234"


@pytest.mark.conforms("C-210", "RFC 7252 §5.4.1", "B-217")
@pytest.mark.parametrize(
    ("kind", "number", "code"),
    [
        (Type.CON, 65_001, Code.BAD_OPTION),
        (Type.CON, 65_000, None),
        (Type.NON, 65_001, None),
    ],
)
def test_an_unknown_critical_option_is_refused_and_another_passed_over(
    kind: Type, number: int, code: Code | None
) -> None:
    step = Lockstep()
    taken = step.take(post((number, b""), kind=kind))
    assert isinstance(taken, Request) is (number == 65_000)
    assert [codec.decode(each).code for each in step.sent()] == ([code] if code else [])


@pytest.mark.conforms("C-211", "RFC 7252 §4.2")
@pytest.mark.parametrize("code", ["20", "3f", "c0", "e1", "ff"])
def test_a_code_of_a_reserved_class_is_reset(code: str) -> None:
    step = Lockstep()
    assert step.take(f"40{code}1234") is None
    assert step.sent_one().hex() == "70001234"


@pytest.mark.conforms("C-231", "CVE-2021-33175")
def test_one_peer_takes_no_more_memory_than_its_share() -> None:
    step = Lockstep()
    for number in range(200):
        query = (int(Option.URI_QUERY), f"x={number}".encode())
        datagram = bytearray(part(0, BODY, 6, query))
        datagram[2:4] = number.to_bytes(2, "big")
        step.take(bytes(datagram))
    assert step.layer._serving._bodies._owners._bytes <= 4 * 1024


@pytest.mark.conforms("C-231", "CVE-2021-33175")
def test_many_peers_take_no_more_memory_than_there_is() -> None:
    step = Lockstep()
    for peer in range(MOST_BODIES + 50):
        step.take(part(0, BODY, 6), peer)
    assert len(step.layer._serving._bodies._owners) == MOST_BODIES


@pytest.mark.conforms("C-233", "RFC 7252 §11.3", "RFC 9175 §2.4", "B-219")
@pytest.mark.parametrize(
    "answer",
    [
        Answer(Code.CONTENT, payload=bytes(900)),
        Answer(Code.CONTENT, payload=bytes(5_000)),
        Answer(Code.CREATED, ((Option.LOCATION_PATH, b"x" * 64),)),
        explain(Code.BAD_REQUEST, "x" * 64),
    ],
)
def test_nobody_is_sent_three_times_what_came_in_their_name(answer: Answer) -> None:
    layer: MessageLayer[str] = MessageLayer(proven=False)
    datagram = post()
    request = layer.receive(datagram, "peer", 0)
    assert isinstance(request, Request)
    layer.respond(request, answer, now=0)
    ((sent, _),) = layer.datagrams()
    assert len(sent) <= 3 * len(datagram)


@pytest.mark.conforms("C-153", "COAP-5")
def test_a_response_may_have_an_id_that_a_request_of_its_sender_had() -> None:
    step = Lockstep()
    step.respond(step.take(post(mid=7), "peer"))
    exchange = step.layer.request("peer", Code.POST, path=("bs",), now=step.now)
    step.sent()
    said = raw(Message(Type.CON, Code.CHANGED, 7, exchange.token))
    assert step.take(said, "peer") is not None
    assert step.sent_one().hex() == "60000007"
