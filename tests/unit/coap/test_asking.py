"""What peers answer: lockstep, with the bytes of real devices."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option, Type
from homeport.coap.layer import Cause, Failure, MessageLayer, Reply
from tests.support.captures import Captured, captures
from tests.support.lockstep import OBSERVE, PATH, PEER, Lockstep, acknowledge


def dialogues() -> list[tuple[str, Message, Sequence[bytes]]]:
    """Return what servers asked devices in one message, and what came back."""
    found = []
    for name, messages in captures().items():
        for at, (sender, datagram) in enumerate(messages):
            asked = codec.decode(datagram)
            if sender == "server" and 0 < asked.code < 32:
                answers = list(answered(messages[at + 1 :], asked))
                found.append((name, asked, answers))
    return [each for each in found if each[2]]


def answered(following: Sequence[Captured], asked: Message) -> Sequence[bytes]:
    """Return what a device said to one request, until it was answered."""
    said = []
    for sender, datagram in following:
        message = codec.decode(datagram)
        if sender == "server" and 0 < message.code < 32:
            break
        ours = message.message_id == asked.message_id or message.token == asked.token
        if sender == "device" and ours:
            said.append(datagram)
            if message.code != Code.EMPTY:
                break
    return said


@pytest.mark.conforms("C-194", "COAP-3", "COAP-5", "COAP-6", "COAP-12", "COAP-19")
@pytest.mark.parametrize(
    ("asked", "answers"),
    [pytest.param(each[1], each[2], id=each[0]) for each in dialogues()],
)
def test_real_devices_are_asked_the_same_way_and_understood(
    asked: Message, answers: Sequence[bytes]
) -> None:
    step = Lockstep()
    exchange = step.layer.request(
        PEER,
        asked.code,
        options=asked.options,
        payload=asked.payload,
        token=asked.token,
        now=step.now,
    )
    sent = step.sent_message()
    assert replace(sent, message_id=asked.message_id) == asked
    for answer in answers:
        message = codec.decode(answer)
        # our message id stands where theirs was, whoever used it
        ours = message.message_id == asked.message_id
        known_as = sent.message_id if ours else message.message_id
        outcome = step.take(answer[:2] + known_as.to_bytes(2, "big") + answer[4:])
    partial = message.value(Option.BLOCK2) is not None
    if message.type == Type.CON:
        assert step.sent_one() == codec.encode_empty(Type.ACK, known_as)
    elif not partial:
        assert step.sent() == []
    if partial:
        assert step.sent_message().value(Option.BLOCK2) == b"\x15"
        return
    assert isinstance(outcome, Reply)
    assert outcome.exchange is exchange
    assert outcome.message.code == message.code
    assert outcome.message.payload == message.payload


def test_there_are_enough_of_them() -> None:
    names = {name for name, _, _ in dialogues()}
    assert {"izuma-udp-operations", "anjay-nosec-bootstrap"} <= names
    assert len(dialogues()) > 80


@pytest.mark.conforms("C-155", "OP-1")
@pytest.mark.parametrize("code", [Code.METHOD_NOT_ALLOWED, Code.BAD_REQUEST])
def test_a_device_that_does_not_let_itself_be_observed_may_give_the_value(
    code: Code,
) -> None:
    step = Lockstep()
    step.layer.request(PEER, Code.GET, path=PATH, options=OBSERVE, now=step.now)
    reply = step.take(acknowledge(step.sent_message(), code, payload=b"22"))
    assert isinstance(reply, Reply)
    assert (reply.message.code, reply.message.payload) == (code, b"22")
    assert reply.message.value(Option.OBSERVE) is None


def test_a_response_with_an_option_that_nobody_knows_ends_the_request() -> None:
    step = Lockstep()
    exchange = step.layer.request(PEER, Code.GET, now=step.now)
    step.sent()
    unknown = Message(Type.CON, Code.CONTENT, 7, exchange.token, ((65_001, b""),))
    failure = step.take(codec.encode(unknown))
    assert isinstance(failure, Failure)
    assert failure.cause is Cause.MALFORMED
    assert step.sent_one().hex() == "70000007"
    assert step.wait(100) == []


def test_a_reset_that_says_more_is_none() -> None:
    step = Lockstep()
    exchange = step.layer.request(PEER, Code.GET, now=step.now)
    step.sent()
    reset = Message(Type.RST, Code.CONTENT, 7, exchange.token)
    assert step.take(codec.encode(reset)) is None
    assert step.sent() == []


@pytest.mark.parametrize("kind", [Type.CON, Type.NON])
def test_a_separate_response_that_comes_twice_is_one(kind: Type) -> None:
    step = Lockstep()
    exchange = step.layer.request(PEER, Code.GET, now=step.now)
    step.sent()
    response = codec.encode(Message(kind, Code.CONTENT, 7, exchange.token))
    assert isinstance(step.take(response), Reply)
    assert step.take(response) is None
    assert step.sent() == [bytes.fromhex("60000007")] * (2 * (kind == Type.CON))


def test_a_response_may_have_another_limit() -> None:
    step = Lockstep()
    step.layer = MessageLayer(largest_response=16)
    step.layer.request(PEER, Code.GET, now=step.now)
    failure = step.take(acknowledge(step.sent_message(), payload=bytes(17)))
    assert isinstance(failure, Failure)
    assert failure.cause is Cause.MALFORMED
