"""Requests of peers, and what they are answered: lockstep, byte for byte."""

import pytest

from homeport.coap import codec
from homeport.coap.answer import Answer, explain
from homeport.coap.blockwise import LARGEST_BODY, Block, build
from homeport.coap.codec import Code, Message, Option, Type
from homeport.coap.layer import Fetched, MessageLayer, Request
from tests.support.captures import captures
from tests.support.lockstep import Lockstep, raw

# CON POST /rd, token f29ed278, nothing else
POST_RD = "44 02 d835 f29ed278 b2 7264"


def asked(
    *options: tuple[int, bytes],
    payload: bytes = b"",
    kind: Type = Type.CON,
    mid: int = 1,
) -> bytes:
    path = (Option.URI_PATH, b"rd")
    ordered = tuple(sorted((path, *options), key=lambda pair: pair[0]))
    return codec.encode(Message(kind, Code.POST, mid, b"\x01", ordered, payload))


def test_a_request_is_answered_in_its_acknowledgement() -> None:
    step = Lockstep()
    request = step.take(POST_RD)
    assert isinstance(request, Request)
    assert request.message.path == ("rd",)
    assert step.sent() == []
    # ACK 2.04, same message id, same token
    assert step.respond(request).hex() == "6444d835f29ed278"


def test_a_repeated_request_hears_the_same_and_has_no_second_effect() -> None:
    step = Lockstep()
    first = step.respond(step.take(POST_RD), Code.CREATED)
    assert step.take(POST_RD) is None
    assert step.sent_one() == first


def test_a_request_repeated_while_it_is_worked_on_waits_for_the_answer() -> None:
    step = Lockstep()
    request = step.take(POST_RD)
    assert step.take(POST_RD) is None
    assert step.sent() == []
    step.respond(request)


def test_the_same_message_id_of_another_peer_is_another_request() -> None:
    step = Lockstep()
    step.respond(step.take(POST_RD))
    assert isinstance(step.take(POST_RD, ("192.0.2.1", 40_001)), Request)


def test_a_message_id_is_free_again_after_its_lifetime() -> None:
    step = Lockstep()
    step.respond(step.take(POST_RD))
    step.wait(248)
    assert isinstance(step.take(POST_RD), Request)


def test_an_answer_that_is_not_kept_lets_the_repetition_be_executed() -> None:
    step = Lockstep()
    request = step.take(POST_RD)
    assert isinstance(request, Request)
    answer = Answer(Code.TOO_MANY_REQUESTS, keep=False)
    step.layer.respond(request, answer, now=step.now)
    assert codec.decode(step.sent_one()).code == Code.TOO_MANY_REQUESTS
    assert isinstance(step.take(POST_RD), Request)


def test_a_forgotten_request_is_executed_when_it_comes_again() -> None:
    step = Lockstep()
    request = step.take(POST_RD)
    assert isinstance(request, Request)
    step.layer.forget(request.address, request.message.message_id)
    assert isinstance(step.take(POST_RD), Request)
    assert step.sent() == []


def test_a_non_confirmable_request_gets_an_answer_with_an_id_of_our_own() -> None:
    step = Lockstep()
    request = step.take(asked(kind=Type.NON))
    answer = codec.decode(step.respond(request))
    assert answer.type == Type.NON
    assert answer.token == b"\x01"


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ((9, b"x"), Code.BAD_OPTION),
        ((65_001, b""), Code.BAD_OPTION),
        ((Option.URI_QUERY, b"ep=\xff"), Code.BAD_REQUEST),
        ((Option.BLOCK1, b"\x07"), Code.BAD_OPTION),
        ((Option.PROXY_URI, b"coap://x/"), Code.PROXYING_NOT_SUPPORTED),
    ],
)
def test_an_option_that_must_not_be_ignored_is_refused(
    option: tuple[int, bytes], code: Code
) -> None:
    step = Lockstep()
    options = tuple(sorted([(Option.URI_PATH, b"rd"), option]))
    assert step.take(raw(Message(Type.CON, Code.POST, 1, b"", options))) is None
    assert step.sent_message().code == code


def test_a_non_confirmable_request_with_such_an_option_is_dropped() -> None:
    step = Lockstep()
    assert step.take(asked((65_001, b""), kind=Type.NON)) is None
    assert step.sent() == []


def test_an_option_that_may_be_ignored_is() -> None:
    assert isinstance(Lockstep().take(asked((65_000, b"x"))), Request)


@pytest.mark.parametrize(
    ("unwanted", "code", "sent"),
    [
        (2, Code.CHANGED, "60000001"),
        (2, Code.BAD_REQUEST, "61800001" + "01"),
        (8, Code.BAD_REQUEST, "60000001"),
        (26, Code.SERVICE_UNAVAILABLE, "60000001"),
    ],
)
def test_an_answer_that_nobody_wants_is_left_out(
    unwanted: int, code: Code, sent: str
) -> None:
    step = Lockstep()
    request = step.take(asked((Option.NO_RESPONSE, bytes([unwanted]))))
    assert step.respond(request, code).hex() == sent


def test_a_diagnostic_text_is_cut_so_that_a_forged_address_gains_nothing() -> None:
    step = Lockstep()
    datagram = asked()
    request = step.take(datagram)
    assert isinstance(request, Request)
    answer = explain(Code.BAD_REQUEST, "x" * 100)
    assert len(answer.payload) == 64
    step.layer.respond(request, answer, now=step.now)
    assert len(step.sent_one()) <= 3 * len(datagram)


def test_a_captured_registration_in_three_blocks_is_one_request() -> None:
    step = Lockstep()
    blocks = [
        message.datagram
        for message in captures()["izuma-nosec-lwm2m"]
        if codec.decode(message.datagram).value(Option.BLOCK1) is not None
        and message.sender == "device"
    ]
    assert step.take(blocks[0]) is None
    # ACK 2.31, Block1 0/more/512 echoed
    assert step.sent_one().hex() == "645f2f464f1a2170d10e0d"
    assert step.take(blocks[1]) is None
    assert step.sent_one().hex() == "645f2f474f1a2170d10e1d"
    request = step.take(blocks[2])
    assert isinstance(request, Request)
    assert request.message.payload.startswith(b"</3/0/21>;obs,")
    assert len(request.message.payload) == 1126
    answer = codec.decode(step.respond(request, Code.CREATED))
    assert answer.value(Option.BLOCK1) == b"\x25"


def test_blocks_with_a_token_each_belong_together() -> None:
    step = Lockstep()
    for number, token in enumerate((b"\x01", b"\x02")):
        block = Block(number, more=number == 0, szx=0)
        options = ((Option.URI_PATH, b"rd"), (Option.BLOCK1, build(block)))
        taken = step.take(
            codec.encode(
                Message(Type.CON, Code.POST, number, token, options, bytes(16))
            )
        )
    assert isinstance(taken, Request)
    assert taken.message.payload == bytes(32)


def test_a_block_without_the_one_before_it_is_incomplete() -> None:
    step = Lockstep()
    block = build(Block(1, more=False, szx=0))
    assert step.take(asked((Option.BLOCK1, block), payload=b"x")) is None
    assert step.sent_message().code == Code.REQUEST_ENTITY_INCOMPLETE


def test_a_body_over_the_limit_is_refused() -> None:
    step = Lockstep()
    for number in range(LARGEST_BODY // 1024 + 1):
        block = build(Block(number, more=True, szx=6))
        step.take(asked((Option.BLOCK1, block), payload=bytes(1024), mid=number))
    *others, last = step.sent()
    assert {codec.decode(each).code for each in others} == {Code.CONTINUE}
    assert codec.decode(last).code == Code.REQUEST_ENTITY_TOO_LARGE


def test_a_body_that_is_announced_over_the_limit_is_refused_at_once() -> None:
    step = Lockstep()
    first = build(Block(0, more=True, szx=6))
    size = (Option.SIZE1, (LARGEST_BODY + 1).to_bytes(3, "big"))
    assert step.take(asked((Option.BLOCK1, first), size, payload=bytes(1024))) is None
    refused = step.sent_message()
    assert refused.code == Code.REQUEST_ENTITY_TOO_LARGE
    assert refused.number(Option.SIZE1) == LARGEST_BODY
    assert refused.value(Option.BLOCK1) == first


def test_a_transfer_that_comes_from_another_edge_begins_again_here() -> None:
    there, here = Lockstep(), Lockstep()
    blocks = [
        asked(
            (Option.BLOCK1, build(Block(number, more=number == 0, szx=0))),
            payload=bytes(16),
            mid=number,
        )
        for number in range(2)
    ]
    there.take(blocks[0])
    assert here.take(blocks[1]) is None
    refused = here.sent_message()
    assert refused.code == Code.REQUEST_ENTITY_INCOMPLETE
    assert refused.payload
    here.take(blocks[0])
    again = asked(
        (Option.BLOCK1, build(Block(1, more=False, szx=0))), payload=bytes(16), mid=2
    )
    assert isinstance(here.take(again), Request)


def test_two_transfers_of_one_peer_are_told_apart_by_their_request_tags() -> None:
    step = Lockstep()
    taken = []
    for number in range(2):
        for tag in (b"a", b"b"):
            block = build(Block(number, more=number == 0, szx=0))
            options = ((Option.BLOCK1, block), (Option.REQUEST_TAG, tag))
            mid = number * 2 + (tag == b"b")
            taken.append(step.take(asked(*options, payload=tag * 16, mid=mid)))
    bodies = [each.message.payload for each in taken if isinstance(each, Request)]
    assert bodies == [b"a" * 32, b"b" * 32]


# --- Addresses that have proved nothing (RFC 9175 §2.4) ------------------------------


def unproven() -> Lockstep:
    step = Lockstep()
    step.layer = MessageLayer(proven=False)
    return step


LARGE = Answer(Code.CONTENT, payload=bytes(200))


def test_who_may_be_somebody_else_gets_a_challenge_for_a_long_answer() -> None:
    step = unproven()
    request = step.take(asked())
    assert isinstance(request, Request)
    step.layer.respond(request, LARGE, now=step.now)
    challenge = step.sent_message()
    assert challenge.code == Code.UNAUTHORIZED
    value = challenge.value(Option.ECHO)
    assert value is not None
    repeated = step.take(asked((Option.ECHO, value), mid=2))
    assert isinstance(repeated, Request)
    step.layer.respond(repeated, LARGE, now=step.now)
    assert step.sent_message().payload == LARGE.payload


def test_a_challenge_is_not_longer_than_what_may_be_sent() -> None:
    step = unproven()
    datagram = asked()
    request = step.take(datagram)
    assert isinstance(request, Request)
    step.layer.respond(request, LARGE, now=step.now)
    assert len(step.sent_one()) <= 3 * len(datagram)


def test_a_challenge_is_nobody_elses_and_ends() -> None:
    step = unproven()
    request = step.take(asked())
    assert isinstance(request, Request)
    step.layer.respond(request, LARGE, now=step.now)
    value = step.sent_message().value(Option.ECHO)
    assert value is not None
    stolen = step.take(asked((Option.ECHO, value)), ("192.0.2.9", 40_000))
    step.now += 2 * 128
    late = step.take(asked((Option.ECHO, value), mid=2))
    for taken in (stolen, late):
        assert isinstance(taken, Request)
        step.layer.respond(taken, LARGE, now=step.now)
        assert step.sent_message().code == Code.UNAUTHORIZED


def test_a_short_answer_needs_no_proof() -> None:
    step = unproven()
    assert codec.decode(step.respond(step.take(asked()))).code == Code.CHANGED


def test_a_large_answer_is_fetched_block_by_block() -> None:
    step = Lockstep()
    body = bytes(range(256)) * 9
    request = step.take(asked())
    assert isinstance(request, Request)
    answer = Answer(Code.CONTENT, payload=body)
    assert not step.layer.respond(request, answer, now=step.now)
    first = step.sent_message()
    received, number = first.payload, 1
    assert first.number(Option.SIZE2) == len(body)
    while len(received) < len(body):
        block = build(Block(number, more=False, szx=6))
        taken = step.take(asked((Option.BLOCK2, block), mid=10 + number))
        received += step.sent_message().payload
        number += 1
        assert isinstance(taken, Fetched) == (len(received) == len(body))
    assert received == body
    beyond = build(Block(number, more=False, szx=6))
    step.take(asked((Option.BLOCK2, beyond), mid=10 + number))
    assert step.sent_message().code == Code.REQUEST_ENTITY_INCOMPLETE


def test_a_peer_may_ask_for_smaller_blocks_from_the_start() -> None:
    step = Lockstep()
    block = build(Block(0, more=False, szx=2))
    request = step.take(asked((Option.BLOCK2, block)))
    assert isinstance(request, Request)
    answer = Answer(Code.CONTENT, payload=bytes(100))
    assert not step.layer.respond(request, answer, now=step.now)
    assert len(step.sent_message().payload) == 64


def test_a_body_may_have_another_limit() -> None:
    step = Lockstep()
    step.layer = MessageLayer(largest_body=32)
    for number in range(3):
        block = build(Block(number, more=True, szx=0))
        step.take(asked((Option.BLOCK1, block), payload=bytes(16), mid=number))
    *_, refused = map(codec.decode, step.sent())
    assert refused.code == Code.REQUEST_ENTITY_TOO_LARGE
    assert refused.number(Option.SIZE1) == 32
