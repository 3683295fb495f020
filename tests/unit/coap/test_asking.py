"""What peers answer and notify: lockstep, with the bytes of real devices."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.coap import codec
from homeport.coap.blockwise import BERT, Block, build, parse
from homeport.coap.codec import Code, Message, Option, Options, Type
from homeport.coap.layer import (
    Cause,
    Exchange,
    Failure,
    MessageLayer,
    Notification,
    Reply,
)
from tests.support.captures import Captured, captures
from tests.support.lockstep import PEER, Lockstep, acknowledge

OBSERVE: Options = ((Option.OBSERVE, b""),)
CANCEL: Options = ((Option.OBSERVE, b"\x01"),)
PATH = ("3200", "0", "5501")
# CON 2.05 under a token of two bytes, Observe 2, Content-Format 0, Max-Age 0
AUTO_OBSERVED = "42 45 de1a 015e 61 02 60 20 ff 3232"


def notified(step: Lockstep, datagram: bytes | str) -> Notification:
    taken = step.take(datagram)
    assert isinstance(taken, Notification)
    return taken


def notification(
    number: int | None,
    *,
    token: bytes = b"\x0b\x00\x00\x40",
    block: Block | None = None,
    payload: bytes = b"22",
    kind: Type = Type.CON,
    mid: int | None = None,
    code: Code = Code.CONTENT,
) -> bytes:
    options: list[tuple[int, bytes]] = []
    if number is not None:
        options.append((Option.OBSERVE, number.to_bytes(3, "big").lstrip(b"\x00")))
    if block is not None:
        options.append((Option.BLOCK2, build(block)))
    mid = 0x1000 + (number or 0) if mid is None else mid
    return codec.encode(Message(kind, code, mid, token, tuple(options), payload))


# --- Requests as real devices have been asked ----------------------------------------


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


def test_a_message_id_of_zero_is_one_like_any_other() -> None:
    step = Lockstep()
    first = notified(step, notification(2, mid=0))
    assert step.take(notification(2, mid=0)) is None
    step.layer.accept(first, now=step.now)
    assert step.sent_one().hex() == "60000000"


def test_messages_that_a_connection_brought_have_no_ids_to_be_known_by() -> None:
    step = Lockstep()
    for number in (2, 3):
        notified(step, notification(number, kind=Type.NON, mid=0))


# --- Notifications -------------------------------------------------------------------


@pytest.mark.conforms("C-180", "OBS-2")
def test_a_value_that_a_device_observes_itself_is_decided_by_the_caller() -> None:
    step = Lockstep()
    told = notified(step, AUTO_OBSERVED)
    assert (told.token, told.message.payload) == (b"\x01\x5e", b"22")
    assert step.sent() == []
    # what comes again while it is decided waits with it
    assert step.take(AUTO_OBSERVED) is None
    assert step.sent() == []
    step.layer.accept(told, now=step.now)
    assert step.sent_one().hex() == "6000de1a"
    assert step.take(AUTO_OBSERVED) is None
    assert step.sent_one().hex() == "6000de1a"


@pytest.mark.conforms("C-166", "C-173", "OBS-5", "RFC 7641 §3.2")
@pytest.mark.parametrize("kind", [Type.CON, Type.NON])
def test_what_nobody_observes_is_reset(kind: Type) -> None:
    step = Lockstep()
    datagram = notification(2, kind=kind)
    told = notified(step, datagram)
    step.layer.reject(told, now=step.now)
    assert step.sent_one().hex() == "70001002"
    assert step.take(datagram) is None
    assert step.sent_one().hex() == "70001002"


def test_what_cannot_be_decided_is_a_new_notification_when_it_comes_again() -> None:
    step = Lockstep()
    told = notified(step, AUTO_OBSERVED)
    step.layer.leave(told)
    assert step.sent() == []
    assert notified(step, AUTO_OBSERVED) == told


def test_an_accepted_notification_is_acknowledged_once() -> None:
    step = Lockstep()
    told = notified(step, AUTO_OBSERVED)
    step.layer.accept(told, now=step.now)
    step.layer.accept(told, now=step.now)
    assert len(step.sent()) == 1


@pytest.mark.conforms("C-170", "OBS-8")
def test_confirmable_and_other_notifications_are_acknowledged_as_they_came() -> None:
    step = Lockstep()
    for number, kind in enumerate((Type.CON, Type.NON, Type.CON), 2):
        told = notified(step, notification(number, kind=kind))
        step.layer.accept(told, now=step.now)
    assert [each.hex() for each in step.sent()] == ["60001002", "60001004"]
    assert step.take(notification(3, kind=Type.NON)) is None


@pytest.mark.conforms("C-172", "RFC 7641 §3.2")
def test_an_error_under_a_token_that_is_no_requests_is_a_notification_too() -> None:
    step = Lockstep()
    told = notified(step, notification(None, code=Code.NOT_FOUND, payload=b""))
    assert told.message.code == Code.NOT_FOUND
    step.layer.accept(told, now=step.now)
    assert step.sent_one().hex() == "60001000"


def test_a_notification_that_must_not_be_understood_is_reset() -> None:
    step = Lockstep()
    unknown = Message(Type.CON, Code.CONTENT, 7, b"\x01\x5e", ((65_001, b""),))
    assert step.take(codec.encode(unknown)) is None
    assert step.sent_one().hex() == "70000007"


def test_an_acknowledgement_is_never_a_notification() -> None:
    step = Lockstep()
    assert step.take(notification(2, kind=Type.ACK)) is None
    assert step.sent() == []


@pytest.mark.conforms("C-177", "RFC 7641 §3.5")
def test_the_same_id_from_elsewhere_is_another_notification() -> None:
    step = Lockstep()
    step.layer.accept(notified(step, AUTO_OBSERVED), now=step.now)
    elsewhere = step.take(AUTO_OBSERVED, ("192.0.2.1", 40_001))
    assert isinstance(elsewhere, Notification)


# --- Observing -----------------------------------------------------------------------


def observe(step: Lockstep) -> Exchange:
    """Observe something; its first value has come."""
    exchange = step.layer.request(
        PEER, Code.GET, path=PATH, options=OBSERVE, now=step.now
    )
    sent = step.sent_message()
    first = Message(Type.ACK, Code.CONTENT, sent.message_id, sent.token, OBSERVE, b"20")
    assert isinstance(step.take(codec.encode(first)), Reply)
    return exchange


@pytest.mark.conforms("C-165", "RFC 7641 §3.2")
def test_what_is_observed_comes_under_the_token_of_its_request() -> None:
    step = Lockstep()
    exchange = observe(step)
    told = notified(step, notification(2, token=exchange.token))
    assert told.token == exchange.token


@pytest.mark.conforms("C-167", "RFC 7641 §3.6", "B-210")
@pytest.mark.parametrize("echoed", [OBSERVE, ()], ids=["izuma", "others"])
def test_an_observation_is_ended_under_its_token(echoed: Options) -> None:
    step = Lockstep()
    token = observe(step).token
    step.layer.request(
        PEER, Code.GET, path=PATH, options=CANCEL, token=token, now=step.now
    )
    sent = step.sent_message()
    assert (sent.token, sent.value(Option.OBSERVE)) == (token, b"\x01")
    last = Message(Type.ACK, Code.CONTENT, sent.message_id, token, echoed, b"21")
    assert isinstance(step.take(codec.encode(last)), Reply)
    assert isinstance(step.take(notification(9, token=token)), Notification)


def test_what_is_notified_while_an_observation_ends_does_not_answer_that() -> None:
    step = Lockstep()
    token = observe(step).token
    step.layer.request(
        PEER, Code.GET, path=PATH, options=CANCEL, token=token, now=step.now
    )
    sent = step.sent_message()
    step.layer.accept(notified(step, notification(2, token=token)), now=step.now)
    step.sent()
    step.take(codec.encode_empty(Type.ACK, sent.message_id))
    separate = codec.encode(Message(Type.CON, Code.CONTENT, 7, token, (), b"21"))
    assert isinstance(step.take(separate), Reply)


# --- Notifications in blocks (RFC 7959 §2.6) -----------------------------------------

TOKEN = b"\x0b\x00\x00\x40"
FIRST = Block(0, more=True, szx=0)
HAPPENS = ("changes", "told", "told late", "asked")


def follow(step: Lockstep) -> tuple[Exchange, Message]:
    """Get the first part of a large value, and ask for its rest."""
    told = notified(step, notification(5, block=FIRST, payload=b"a" * 16))
    assert told.partial
    exchange = step.layer.fetch_rest(told, path=PATH, now=step.now)
    acknowledged, asked = step.sent()
    assert acknowledged.hex() == "60001005"
    return exchange, codec.decode(asked)


def rest(asked: Message, *, more: bool = False, payload: bytes = b"b") -> bytes:
    """Encode the block that was asked for."""
    wanted = parse(asked.value(Option.BLOCK2) or b"")
    block = (Option.BLOCK2, build(wanted._replace(more=more)))
    return codec.encode(
        Message(
            Type.ACK, Code.CONTENT, asked.message_id, asked.token, (block,), payload
        )
    )


@pytest.mark.conforms("C-178", "RFC 7959 §2.6")
def test_the_rest_of_a_notification_is_read_under_another_token() -> None:
    step = Lockstep()
    exchange, asked = follow(step)
    assert (asked.code, asked.path) == (Code.GET, PATH)
    assert asked.token != TOKEN == exchange.token
    assert asked.value(Option.OBSERVE) is None
    assert parse(asked.value(Option.BLOCK2) or b"") == Block(1, more=False, szx=0)
    assert step.take(rest(asked, more=True, payload=b"b" * 16)) is None
    asked = step.sent_message()
    reply = step.take(rest(asked, payload=b"c"))
    assert isinstance(reply, Reply)
    assert reply.exchange is exchange
    assert reply.message.payload == b"a" * 16 + b"b" * 16 + b"c"
    assert reply.message.number(Option.OBSERVE) == 5
    assert reply.message.value(Option.BLOCK2) is None


@pytest.mark.conforms("C-178", "RFC 7959 §2.6")
def test_a_newer_notification_is_read_instead_and_nothing_is_mixed() -> None:
    step = Lockstep()
    exchange, asked = follow(step)
    newer = notification(6, block=FIRST, payload=b"x" * 16)
    assert step.take(newer) is None
    acknowledged, anew = step.sent()
    assert acknowledged.hex() == "60001006"
    # what was asked for before is not known any more
    assert step.take(rest(asked)) is None
    reply = step.take(rest(codec.decode(anew), payload=b"y"))
    assert isinstance(reply, Reply)
    assert reply.exchange is exchange
    assert reply.message.payload == b"x" * 16 + b"y"
    assert reply.message.number(Option.OBSERVE) == 6


@pytest.mark.conforms("C-178", "RFC 7959 §2.6")
def test_a_newer_notification_that_is_whole_ends_it_at_once() -> None:
    step = Lockstep()
    exchange, _ = follow(step)
    reply = step.take(notification(6, payload=b"now"))
    assert isinstance(reply, Reply)
    assert reply.exchange is exchange
    assert reply.message.payload == b"now"
    assert step.wait(100) == []


@pytest.mark.conforms("C-178", "RFC 8323 §7.1")
@pytest.mark.parametrize("number", [b"", b"\x05", b"\x04"])
def test_over_a_connection_the_next_one_is_newer_whatever_its_number_is(
    number: bytes,
) -> None:
    step = Lockstep(largest_szx=BERT)
    exchange, asked = follow(step)
    options = ((Option.OBSERVE, number), (Option.BLOCK2, build(FIRST)))
    newer = Message(Type.NON, Code.CONTENT, 0, TOKEN, options, b"x" * 16)
    assert step.take(codec.encode(newer)) is None
    anew = step.sent_message()
    assert step.take(rest(asked)) is None
    reply = step.take(rest(anew, payload=b"y"))
    assert isinstance(reply, Reply)
    assert reply.exchange is exchange
    assert reply.message.payload == b"x" * 16 + b"y"


@pytest.mark.conforms("C-171", "RFC 7641 §3.4")
def test_an_older_notification_on_its_way_changes_nothing() -> None:
    step = Lockstep()
    _, asked = follow(step)
    assert step.take(notification(4, payload=b"old")) is None
    assert step.sent_one().hex() == "60001004"
    reply = step.take(rest(asked))
    assert isinstance(reply, Reply)
    assert reply.message.payload == b"a" * 16 + b"b"


@pytest.mark.conforms("C-172", "RFC 7641 §3.2")
def test_an_observation_may_end_while_its_rest_is_read() -> None:
    step = Lockstep()
    exchange, _ = follow(step)
    gone = notification(None, code=Code.NOT_FOUND, payload=b"")
    reply = step.take(gone)
    assert isinstance(reply, Reply)
    assert (reply.exchange, reply.message.code) == (exchange, Code.NOT_FOUND)


@pytest.mark.conforms("C-178", "RFC 7959 §2.6")
def test_a_first_value_in_blocks_is_read_like_every_later_one() -> None:
    step = Lockstep()
    exchange = step.layer.request(
        PEER, Code.GET, path=PATH, options=OBSERVE, now=step.now
    )
    sent = step.sent_message()
    block = (Option.BLOCK2, build(FIRST))
    first = Message(
        Type.ACK,
        Code.CONTENT,
        sent.message_id,
        sent.token,
        (*OBSERVE, block),
        b"a" * 16,
    )
    assert step.take(codec.encode(first)) is None
    asked = step.sent_message()
    assert asked.token != exchange.token == sent.token
    # the observation stands already, and is told anew
    newer = notification(
        1, token=exchange.token, block=FIRST, payload=b"x" * 16, kind=Type.NON
    )
    assert step.take(newer) is None
    reply = step.take(rest(step.sent_message(), payload=b"y"))
    assert isinstance(reply, Reply)
    assert reply.message.payload == b"x" * 16 + b"y"
    assert reply.message.number(Option.OBSERVE) == 1


@pytest.mark.conforms("C-178", "RFC 7959 §2.6")
@given(
    st.lists(st.sampled_from(["changes", "told", "told late", "asked"]), max_size=30)
)
def test_however_a_value_changes_while_it_is_read_nothing_is_mixed(
    happens: list[str],
) -> None:
    step, device = Lockstep(), Changing()
    told = notified(step, device.notification(0))
    exchange = step.layer.fetch_rest(told, path=PATH, now=step.now)
    outcomes: list[object] = []
    for event in [*happens, *["asked"] * 10]:
        for message in map(codec.decode, step.sent()):
            device.hear(message)
        if event == "changes":
            device.change()
        elif event == "asked":
            outcomes.append(step.take(device.answer()))
        elif device.untold:
            version = device.untold.pop(0 if event == "told" else -1)
            outcomes.append(step.take(device.notification(version)))
    replies = [each for each in outcomes if isinstance(each, Reply | Failure)]
    assert [each.exchange for each in replies] == [exchange]
    if isinstance(replies[0], Reply):
        assert len(set(replies[0].message.payload)) == 1
        assert len(replies[0].message.payload) == 40


class Changing:
    """A device whose value of 40 bytes changes; all bytes of a version are the same."""

    def __init__(self) -> None:
        self.untold: list[int] = []
        self._version = 0
        self._asked: Message | None = None

    def change(self) -> None:
        self._version += 1
        self.untold.append(self._version)

    def hear(self, message: Message) -> None:
        if message.code == Code.GET:
            self._asked = message

    def answer(self) -> bytes:
        """Answer what was asked last, maybe once more."""
        asked = self._asked
        assert asked is not None
        number = (asked.number(Option.BLOCK2) or 0) >> 4
        options = part_options(self._version, number)
        return codec.encode(
            replace(
                asked,
                type=Type.ACK,
                code=Code.CONTENT,
                options=options,
                payload=self._part(self._version, number),
            )
        )

    def notification(self, version: int) -> bytes:
        options = ((Option.OBSERVE, bytes([version + 1])), *part_options(version, 0))
        payload = self._part(version, 0)
        return codec.encode(
            Message(Type.CON, Code.CONTENT, version, TOKEN, options, payload)
        )

    def _part(self, version: int, number: int) -> bytes:
        return bytes([version]) * min(16, 40 - 16 * number)


def part_options(version: int, number: int) -> Options:
    block = build(Block(number, more=number < 2, szx=0))
    return ((Option.ETAG, bytes([version])), (Option.BLOCK2, block))


def test_a_notification_whose_blocks_break_the_rules_fails_at_the_next_tick() -> None:
    step = Lockstep()
    told = notified(step, notification(5, block=FIRST, payload=b"short"))
    exchange = step.layer.fetch_rest(told, path=PATH, now=step.now)
    assert [each.hex() for each in step.sent()] == ["60001005"]
    (failure,) = step.wait(0)
    assert (failure.exchange, failure.cause) == (exchange, Cause.MALFORMED)


def test_the_rest_of_a_composite_observation_is_fetched() -> None:
    step = Lockstep()
    told = notified(step, notification(5, block=FIRST, payload=b"a" * 16))
    step.layer.fetch_rest(told, Code.FETCH, payload=b"paths", now=step.now)
    _, asked = map(codec.decode, step.sent())
    assert (asked.code, asked.payload) == (Code.FETCH, b"paths")


def test_a_response_may_have_another_limit() -> None:
    step = Lockstep()
    step.layer = MessageLayer(largest_response=16)
    step.layer.request(PEER, Code.GET, now=step.now)
    failure = step.take(acknowledge(step.sent_message(), payload=bytes(17)))
    assert isinstance(failure, Failure)
    assert failure.cause is Cause.MALFORMED
