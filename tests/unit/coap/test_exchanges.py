"""Our own requests: repeated, and answered at once or later."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeport.coap import codec, exchanges
from homeport.coap.blockwise import Block
from homeport.coap.codec import Code, Message, Type
from homeport.coap.exchanges import ACK_TIMEOUT_SECONDS, MOST_BYTES, MOST_OF_ONE
from homeport.coap.layer import Cause, Failure, MessageLayer, Reply, Stray
from tests.support.asking import OBJECT_0, ask, part
from tests.support.journeys import LOST, Journey, Manner, ModelDevice
from tests.support.lockstep import PEER, Lockstep, acknowledge


def test_a_request_goes_out_confirmable_with_path_and_payload() -> None:
    _, sent = ask(Lockstep(), payload=b"x")
    assert (sent.type, sent.code, sent.path) == (Type.CON, Code.PUT, ("0",))
    assert sent.payload == b"x"
    assert len(sent.token) == 4


@pytest.mark.parametrize(
    ("code", "byte"),
    [
        (Code.GET, "01"),
        (Code.POST, "02"),
        (Code.PUT, "03"),
        (Code.DELETE, "04"),
        (Code.FETCH, "05"),
        (Code.iPATCH, "07"),
    ],
)
def test_every_method_that_devices_know_may_be_asked_for(code: Code, byte: str) -> None:
    step = Lockstep()
    step.layer.request(PEER, code, path=("3",), now=step.now)
    assert step.sent_one().hex()[2:4] == byte


def test_the_root_path_has_no_path_option() -> None:
    step = Lockstep()
    step.layer.request(PEER, Code.DELETE, now=step.now)
    assert step.sent_message().options == ()


def test_a_piggybacked_response_ends_it() -> None:
    step = Lockstep()
    exchange, sent = ask(step)
    reply = step.take(acknowledge(sent))
    assert isinstance(reply, Reply)
    assert reply.exchange is exchange
    assert step.layer.next_deadline() is None
    assert isinstance(step.take(acknowledge(sent)), Stray)
    assert step.sent() == []


def test_a_piggybacked_response_without_token_is_known_by_its_id() -> None:
    step = Lockstep()
    _, sent = ask(step)
    answer = Message(Type.ACK, Code.CONTENT, sent.message_id)
    assert isinstance(step.take(codec.encode(answer)), Reply)


@pytest.mark.parametrize("empty", ["6000{}", "6000{}c0"])
def test_a_separate_response_is_awaited_and_acknowledged(empty: str) -> None:
    step = Lockstep()
    _, sent = ask(step)
    # the second form is how Izuma devices write it: with an empty Content-Format
    assert step.take(empty.format(f"{sent.message_id:04x}")) is None
    assert step.wait(80) == []
    assert step.sent() == []
    response = codec.encode(Message(Type.CON, Code.CHANGED, 0x1234, sent.token))
    assert isinstance(step.take(response), Reply)
    assert step.sent_one().hex() == "60001234"
    assert step.take(response) is None
    assert step.sent_one().hex() == "60001234"


@pytest.mark.conforms("C-153", "COAP-5")
def test_a_separate_response_may_reuse_the_id_of_our_request() -> None:
    step = Lockstep()
    _, sent = ask(step)
    response = Message(Type.CON, Code.CHANGED, sent.message_id, sent.token)
    assert isinstance(step.take(codec.encode(response)), Reply)


def test_a_response_from_another_address_is_none() -> None:
    step = Lockstep()
    _, sent = ask(step)
    assert isinstance(step.take(acknowledge(sent), ("192.0.2.9", 1)), Stray)


@pytest.mark.conforms("C-151", "RFC 7252 §4.2")
def test_an_unanswered_request_is_repeated_four_times_and_fails() -> None:
    step = Lockstep()
    exchange, _ = ask(step)
    waits, failures = [], []
    while not failures:
        deadline = step.layer.next_deadline()
        assert deadline is not None
        waits.append(deadline - step.now)
        failures = step.wait(waits[-1])
        if not failures:
            assert len(step.sent()) == 1
    assert len(waits) == 5
    assert 2 <= waits[0] <= 3
    assert waits[1:] == pytest.approx([waits[0] * 2**n for n in range(1, 5)])
    assert failures == [Failure(exchange, Cause.UNACKNOWLEDGED, "was not answered")]
    assert step.layer.next_deadline() is None


def test_a_peer_that_has_been_heard_is_sent_its_message_again_at_once() -> None:
    step = Lockstep()
    exchange, sent = ask(step)
    step.wait(ACK_TIMEOUT_SECONDS)
    step.layer.repeat(exchange, now=step.now)
    assert step.sent_message() == sent
    step.layer.repeat(exchange, now=step.now)
    assert step.sent() == []
    assert isinstance(step.take(acknowledge(sent)), Reply)


@pytest.mark.conforms("RFC 7252 §4.2")
def test_that_is_one_of_its_four_repetitions() -> None:
    step = Lockstep()
    exchange, _ = ask(step)
    sent, failures = 0, []
    while not failures:
        deadline = step.layer.next_deadline()
        assert deadline is not None
        failures = step.wait(deadline - step.now - 0.1)
        step.layer.repeat(exchange, now=step.now)
        failures += step.wait(0.2)
        sent += len(step.sent())
    assert sent == 4
    assert [failure.cause for failure in failures] == [Cause.UNACKNOWLEDGED]
    step.layer.repeat(exchange, now=step.now)
    assert step.sent() == []


def test_what_is_acknowledged_is_not_sent_again() -> None:
    step = Lockstep()
    exchange, sent = ask(step)
    step.take(codec.encode_empty(Type.ACK, sent.message_id))
    step.wait(ACK_TIMEOUT_SECONDS)
    step.layer.repeat(exchange, now=step.now)
    assert step.sent() == []


@pytest.mark.conforms("C-152", "COAP-4")
def test_a_request_that_is_acknowledged_and_never_answered_fails() -> None:
    step = Lockstep()
    exchange, sent = ask(step)
    assert not exchange.acknowledged
    step.take(f"6000{sent.message_id:04x}")
    assert exchange.acknowledged
    (failure,) = step.wait(94)
    assert (failure.exchange, failure.cause) == (exchange, Cause.UNANSWERED)
    assert not exchange.acknowledged


@pytest.mark.conforms("C-154", "RFC 7252 §4.2")
def test_a_reset_request_fails_at_once() -> None:
    step = Lockstep()
    exchange, sent = ask(step)
    reset = step.take(f"7000{sent.message_id:04x}")
    assert reset == Failure(exchange, Cause.RESET, "was reset")


def test_a_cancelled_request_is_not_repeated_and_its_answer_not_known() -> None:
    step = Lockstep()
    exchange, sent = ask(step)
    step.layer.cancel(exchange)
    assert step.wait(100) == []
    assert isinstance(step.take(acknowledge(sent)), Stray)


def test_several_exchanges_with_one_peer_are_told_apart_by_their_tokens() -> None:
    step = Lockstep()
    asked = [ask(step) for _ in range(3)]
    for number, (exchange, sent) in enumerate(reversed(asked)):
        assert sent.token == exchange.token
        response = Message(Type.CON, Code.CHANGED, number, exchange.token)
        reply = step.take(codec.encode(response))
        assert isinstance(reply, Reply)
        assert reply.exchange is exchange


def test_a_token_that_is_in_use_is_not_drawn_again() -> None:
    step = Lockstep()
    step.layer = MessageLayer(chance=Stubborn(1))
    one, _ = ask(step)
    other, _ = ask(step)
    assert one.token != other.token


class Stubborn(random.Random):
    """Draws every token twice."""

    drawn = b""

    def randbytes(self, n: int) -> bytes:
        again, self.drawn = self.drawn, b"" if self.drawn else super().randbytes(n)
        return again or self.drawn


def test_one_exchange_too_many_with_a_peer_fails_without_being_sent() -> None:
    step = Lockstep()
    for _ in range(MOST_OF_ONE):
        ask(step)
    crowded = step.layer.request(PEER, Code.GET, now=step.now)
    assert step.sent() == []
    assert step.layer.next_deadline() == step.now
    (failure,) = step.wait(0)
    assert (failure.exchange, failure.cause) == (crowded, Cause.CROWDED)
    step.layer.request("other", Code.GET, now=step.now)
    assert len(step.sent()) == 1


def test_bodies_too_large_for_all_fail_without_being_sent() -> None:
    step = Lockstep()
    body = bytes(2**20)
    for peer in range(MOST_BYTES // len(body)):
        step.layer.request(peer, Code.PUT, payload=body, now=step.now)
    step.sent()
    crowded = step.layer.request("last", Code.PUT, payload=body, now=step.now)
    (failure,) = step.wait(0)
    assert (failure.exchange, failure.cause) == (crowded, Cause.CROWDED)
    for peer in range(MOST_BYTES // len(body)):
        step.layer.lost(peer)
    assert step.layer._exchanges._bytes == 0
    step.layer.request("last", Code.PUT, payload=body, now=step.now)
    assert len(step.sent()) == 1


def test_what_comes_in_is_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanges, "MOST_BYTES", 600)
    step = Lockstep()
    step.layer.request(PEER, Code.GET, path=("fw",), now=step.now)
    first = step.sent_message()
    assert step.take(part(first, Block(0, more=True, szx=5), bytes(512))) is None
    second = step.sent_message()
    failure = step.take(part(second, Block(1, more=True, szx=5), bytes(512)))
    assert isinstance(failure, Failure)
    assert failure.cause is Cause.CROWDED


def test_a_cancelled_request_that_was_one_too_many_does_not_fail() -> None:
    step = Lockstep()
    for _ in range(MOST_OF_ONE):
        ask(step)
    step.layer.cancel(step.layer.request(PEER, Code.GET, now=step.now))
    assert step.wait(0) == []


# --- In any order --------------------------------------------------------------------


def test_a_response_may_overtake_the_acknowledgement_before_it() -> None:
    step = Lockstep()
    _, sent = ask(step)
    separate = codec.encode(Message(Type.CON, Code.CHANGED, 7, sent.token))
    assert isinstance(step.take(separate), Reply)
    assert isinstance(step.take(f"6000{sent.message_id:04x}"), Stray)
    assert step.wait(200) == []


def test_a_piggybacked_response_may_come_after_an_empty_acknowledgement() -> None:
    step = Lockstep()
    _, sent = ask(step)
    step.take(f"6000{sent.message_id:04x}")
    assert isinstance(step.take(acknowledge(sent)), Reply)


def test_an_acknowledgement_of_one_message_is_none_of_the_next() -> None:
    step = Lockstep()
    exchange, sent = ask(step, payload=OBJECT_0, szx=5)
    step.take(acknowledge(sent, Code.CONTINUE))
    step.sent()
    step.take(f"6000{sent.message_id:04x}")
    assert not exchange.acknowledged


BODY = bytes(range(256)) * 3

late = st.floats(0, 12)
fates = st.lists(
    st.one_of(st.just(LOST), st.tuples(late), st.tuples(late, late)), max_size=12
)
"""What becomes of datagrams, one after the other: how late each of its copies comes."""


@settings(max_examples=150, deadline=None)
@given(fates, st.sampled_from(Manner), st.integers(0, 3))
def test_however_datagrams_fare_a_body_is_written_once_or_a_failure_is_told(
    fate: list[tuple[float, ...]], manner: Manner, szx: int
) -> None:
    journey = Journey(ModelDevice(manner, szx=szx), fate)
    outcome = journey.run(Code.PUT, payload=BODY, szx=3)
    written = journey.device.written
    most = 40 if manner is Manner.FORGETFUL else 1
    assert written in [[BODY] * times for times in range(most + 1)]
    if isinstance(outcome, Failure):
        assert outcome.cause in (Cause.UNACKNOWLEDGED, Cause.UNANSWERED)
    elif manner is not Manner.FORGETFUL or outcome.message.code == Code.CHANGED:
        assert outcome.message.code == Code.CHANGED
        assert written


@settings(max_examples=150, deadline=None)
@given(fates, st.sampled_from(Manner), st.integers(0, 3), st.integers(0, 30))
def test_however_datagrams_fare_a_body_is_read_unmixed_or_a_failure_is_told(
    fate: list[tuple[float, ...]], manner: Manner, szx: int, change: int
) -> None:
    device = ModelDevice(manner, szx=szx, bodies=(BODY, BODY[::-1]), change=change)
    outcome = Journey(device, fate).run(Code.GET)
    if isinstance(outcome, Reply):
        assert outcome.message.payload in (BODY, BODY[::-1])
    elif manner is not Manner.FORGETFUL or not change:
        assert outcome.cause in (Cause.UNACKNOWLEDGED, Cause.UNANSWERED)


@pytest.mark.parametrize("manner", Manner)
def test_where_nothing_is_lost_there_is_a_reply(manner: Manner) -> None:
    outcome = Journey(ModelDevice(manner, szx=2), []).run(Code.PUT, payload=BODY)
    assert isinstance(outcome, Reply)
