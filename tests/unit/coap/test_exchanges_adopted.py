"""Requests that others have sent, and that are gone on with here."""

import pytest

from homeport.coap import codec
from homeport.coap.blockwise import Block, build
from homeport.coap.codec import Code, Message, Option, Type
from homeport.coap.exchanges import MOST_OF_ONE
from homeport.coap.layer import Cause, Exchange, Failure, Reply
from tests.support.lockstep import PEER, Lockstep


def adopt(step: Lockstep, token: bytes = b"\x0a\x0b\x0c\x0d") -> Exchange:
    """Go on with what another endpoint has sent; nothing is sent."""
    exchange = step.layer.request(
        PEER, Code.PUT, path=("0",), token=token, adopted=True, now=step.now
    )
    assert step.sent() == []
    return exchange


@pytest.mark.parametrize("kind", [Type.ACK, Type.CON, Type.NON])
def test_what_others_have_sent_is_answered_by_what_was_heard(kind: Type) -> None:
    step = Lockstep()
    exchange = adopt(step)
    heard = Message(kind, Code.CHANGED, 7, exchange.token)
    assert step.layer.resume(exchange, heard, now=step.now) == Reply(exchange, heard)
    assert step.wait(100) == []
    assert step.sent() == []


def test_an_acknowledgement_of_it_is_followed_by_its_response() -> None:
    step = Lockstep()
    exchange = adopt(step)
    heard = codec.decode(bytes.fromhex("60001234"))
    assert step.layer.resume(exchange, heard, now=step.now) is None
    reply = step.take(codec.encode(Message(Type.CON, Code.CHANGED, 7, exchange.token)))
    assert isinstance(reply, Reply)
    assert step.sent_one().hex() == "60000007"


def test_without_that_it_has_failed_without_a_message() -> None:
    step = Lockstep()
    exchange = adopt(step)
    (failure,) = step.wait(93)
    assert (failure.exchange, failure.cause) == (exchange, Cause.UNANSWERED)
    assert step.sent() == []


def test_a_response_against_the_rules_ends_it() -> None:
    step = Lockstep()
    exchange = adopt(step)
    block = (int(Option.BLOCK2), build(Block(3, more=True, szx=0)))
    heard = Message(Type.ACK, Code.CHANGED, 7, exchange.token, (block,), bytes(16))
    failure = step.layer.resume(exchange, heard, now=step.now)
    assert isinstance(failure, Failure)
    assert failure.cause is Cause.MALFORMED


def test_what_others_have_sent_is_bounded_too() -> None:
    step = Lockstep()
    for number in range(MOST_OF_ONE):
        adopt(step, bytes([number]))
    exchange = adopt(step)
    (failure,) = step.wait(0)
    assert (failure.exchange, failure.cause) == (exchange, Cause.CROWDED)
