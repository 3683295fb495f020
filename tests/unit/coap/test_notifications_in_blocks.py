"""Notifications whose rest is asked for, while the value changes (RFC 7959 §2.6)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.coap import codec
from homeport.coap.blockwise import BERT, Block, build, parse
from homeport.coap.codec import Code, Message, Option, Options, Type
from homeport.coap.layer import Cause, Exchange, Failure, Reply, Stray
from tests.support.lockstep import OBSERVE, PATH, PEER, Lockstep, notification, notified

TOKEN = b"\x0b\x00\x00\x40"
FIRST = Block(0, more=True, szx=0)


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
    assert isinstance(step.take(rest(asked)), Stray)
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
    assert isinstance(step.take(rest(asked)), Stray)
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
