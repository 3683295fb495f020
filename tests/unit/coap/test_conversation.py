"""One request and its response, block by block: what is said and what is heard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.coap.blockwise import BERT, Block, build, parse, size_option
from homeport.coap.codec import Code, Message, Option, Options, Type
from homeport.coap.conversation import Conversation, Turn
from homeport.errors import InvalidMessage

PATH = (Option.URI_PATH, b"3")
OBSERVE = (Option.OBSERVE, b"")
ACCEPT = (Option.ACCEPT, b"\x2d\x16")


def conversation(
    code: Code = Code.GET,
    *options: tuple[int, bytes],
    body: bytes = b"",
    szx: int = 6,
    largest_szx: int = 6,
    largest: int = 102_400,
) -> Conversation:
    return Conversation(
        code, (PATH, *options), body, szx, largest_szx=largest_szx, largest=largest
    )


def said(code: Code, *options: tuple[int, bytes], payload: bytes = b"") -> Message:
    """Make a piggybacked response."""
    return Message(Type.ACK, code, 1, b"\x01", options, payload)


def part(
    number: int,
    *,
    more: bool,
    szx: int = 0,
    payload: bytes = bytes(16),
    etag: bytes = b"",
    options: Options = (),
    kind: Type = Type.ACK,
    code: Code = Code.CONTENT,
) -> Message:
    """Make a response with a block of a body."""
    tags = ((Option.ETAG, etag),) if etag else ()
    block = (Option.BLOCK2, build(Block(number, more, szx)))
    return Message(kind, code, 1, b"\x01", (*tags, *options, block), payload)


def asked(talk: Conversation, *, largest: int = 6) -> Block:
    """Return which block of the response is asked for."""
    options, _ = talk.say()
    (value,) = [value for number, value in options if number == Option.BLOCK2]
    return parse(value, largest=largest)


def whole(outcome: Message | Turn) -> Message:
    assert isinstance(outcome, Message)
    return outcome


# --- Our body ------------------------------------------------------------------------


@pytest.mark.conforms("C-193", "RFC 7959 §2.5")
def test_a_body_of_a_mebibyte_goes_in_1024_blocks() -> None:
    body = bytes(range(256)) * 4_096
    talk = conversation(Code.PUT, body=body)
    received, blocks = b"", 0
    while True:
        options, payload = talk.say()
        block = parse(dict(options)[Option.BLOCK1])
        assert block.offset == len(received)
        received, blocks = received + payload, blocks + 1
        if not block.more:
            break
        assert talk.hear(said(Code.CONTINUE)) is Turn.NEXT
    assert (received, blocks) == (body, 1_024)
    assert whole(talk.hear(said(Code.CHANGED))).code == Code.CHANGED


@pytest.mark.conforms("C-193", "COAP-18")
def test_hints_lead_down_to_ever_smaller_blocks() -> None:
    talk = conversation(Code.PUT, body=bytes(2_000))
    for szx in (4, 2, 0):
        hint = (Option.BLOCK1, build(Block(0, more=False, szx=szx)))
        assert talk.hear(said(Code.REQUEST_ENTITY_TOO_LARGE, hint)) is Turn.NEXT
        options, payload = talk.say()
        assert len(payload) == 16 << szx
        assert dict(options)[Option.SIZE1] == size_option(2_000)
    hint = (Option.BLOCK1, build(Block(0, more=False, szx=0)))
    refused = whole(talk.hear(said(Code.REQUEST_ENTITY_TOO_LARGE, hint)))
    assert refused.code == Code.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.conforms("C-193", "COAP-18")
def test_a_body_that_went_whole_goes_in_blocks_when_that_is_asked_for() -> None:
    talk = conversation(Code.PUT, body=bytes(1_000))
    assert talk.say() == ((PATH,), bytes(1_000))
    hint = (Option.BLOCK1, build(Block(0, more=False, szx=5)))
    assert talk.hear(said(Code.REQUEST_ENTITY_TOO_LARGE, hint)) is Turn.NEXT
    assert len(talk.say()[1]) == 512


def test_a_body_of_which_a_peer_has_lost_blocks_is_sent_once_more() -> None:
    talk = conversation(Code.PUT, body=bytes(40), szx=0)
    for _ in range(2):
        assert talk.hear(said(Code.CONTINUE)) is Turn.NEXT
        incomplete = talk.hear(said(Code.REQUEST_ENTITY_INCOMPLETE))
    assert whole(incomplete).code == Code.REQUEST_ENTITY_INCOMPLETE


def test_a_peer_that_acts_on_every_block_by_itself_gets_all_of_them() -> None:
    talk = conversation(Code.PUT, body=bytes(40), szx=0)
    for number in range(2):
        block = (Option.BLOCK1, build(Block(number, more=False, szx=0)))
        assert talk.hear(said(Code.CHANGED, block)) is Turn.NEXT
    assert whole(talk.hear(said(Code.CHANGED))).code == Code.CHANGED


def test_a_late_word_about_an_earlier_block_is_stale() -> None:
    talk = conversation(Code.PUT, body=bytes(40), szx=0)
    first = (Option.BLOCK1, build(Block(0, more=True, szx=0)))
    late = Message(Type.CON, Code.CONTINUE, 9, b"\x01", (first,))
    assert talk.hear(late) is Turn.NEXT
    assert talk.hear(late) is Turn.STALE
    assert talk.offset == 16


# --- Their body ----------------------------------------------------------------------


def test_an_answer_in_one_message_is_the_end() -> None:
    answer = said(Code.CONTENT, (Option.CONTENT_FORMAT, b""), payload=b"on")
    assert conversation().hear(answer) == answer


def test_an_answer_in_blocks_is_one_without_them() -> None:
    talk = conversation(Code.GET, ACCEPT)
    size, form = (Option.SIZE2, b"\x14"), (Option.CONTENT_FORMAT, b"\x2a")
    first = part(0, more=True, options=(form, size), payload=bytes(16))
    assert talk.hear(first) is Turn.NEXT
    assert asked(talk) == Block(1, more=False, szx=0)
    assert ACCEPT in talk.say()[0]
    answer = whole(talk.hear(part(1, more=False, options=(form,), payload=b"end!")))
    assert answer.options == (form,)
    assert answer.payload == bytes(16) + b"end!"


@pytest.mark.conforms("C-195", "RFC 7959 §2.4")
def test_a_body_that_changes_on_the_way_is_read_from_its_beginning() -> None:
    talk = conversation()
    talk.hear(part(0, more=True, etag=b"a", payload=b"old" * 5 + b"!"))
    assert talk.hear(part(1, more=False, etag=b"b", payload=b"x")) is Turn.NEXT
    assert talk.say() == ((PATH,), b"")
    talk.hear(part(0, more=True, etag=b"b", payload=b"new" * 5 + b"!"))
    answer = whole(talk.hear(part(1, more=False, etag=b"b", payload=b"x")))
    assert answer.payload == b"new" * 5 + b"!x"


def test_a_body_that_changes_again_and_again_is_given_up() -> None:
    talk = conversation()
    for etag in (b"a", b"c"):
        talk.hear(part(0, more=True, etag=etag))
        if etag == b"a":
            assert talk.hear(part(1, more=False, etag=b"b")) is Turn.NEXT
    with pytest.raises(InvalidMessage, match="do not belong together"):
        talk.hear(part(1, more=False, etag=b"d"))


@pytest.mark.parametrize(
    "other",
    [
        part(1, more=False, options=((Option.CONTENT_FORMAT, b"\x2a"),)),
        part(2, more=False),
        part(1, more=False, code=Code.VALID),
        said(Code.CONTENT, payload=b"all of it"),
        said(Code.NOT_FOUND),
    ],
    ids=["format", "gap", "code", "no block", "error"],
)
def test_a_block_of_something_else_is_none_of_the_body(other: Message) -> None:
    talk = conversation()
    talk.hear(part(0, more=True))
    assert talk.hear(other) is Turn.NEXT
    assert asked_anew(talk)


def asked_anew(talk: Conversation) -> bool:
    return talk.say() == ((PATH,), b"") and not talk.heard


def test_an_error_instead_of_a_block_is_the_answer_and_has_its_own_text() -> None:
    talk = conversation()
    for _ in range(2):
        talk.hear(part(0, more=True))
        outcome = talk.hear(said(Code.NOT_FOUND, payload=b"gone"))
    assert whole(outcome).code == Code.NOT_FOUND
    assert whole(outcome).payload == b"gone"


def test_what_is_not_safe_to_ask_twice_is_not_begun_again() -> None:
    talk = conversation(Code.POST, body=b"x")
    talk.hear(part(0, more=True, code=Code.CHANGED, etag=b"a"))
    with pytest.raises(InvalidMessage, match="do not belong together"):
        talk.hear(part(1, more=False, code=Code.CHANGED, etag=b"b"))


def test_a_late_block_is_stale() -> None:
    talk = conversation()
    late = part(0, more=True, kind=Type.CON)
    assert talk.hear(late) is Turn.NEXT
    assert talk.hear(late) is Turn.STALE
    assert conversation().hear(part(1, more=False, kind=Type.NON)) is Turn.STALE


@pytest.mark.parametrize(
    "response",
    [
        part(1, more=True),
        part(0, more=True, payload=bytes(15)),
        part(0, more=False, payload=bytes(17)),
        part(0, more=True, options=((Option.SIZE2, b"\x65"),)),
        said(Code.CONTENT, payload=bytes(101)),
        said(Code.CONTENT, (Option.BLOCK2, b"\x0f")),
        said(Code.CONTENT, (Option.BLOCK1, b"\x00\x00\x00\x00")),
        said(Code.CONTINUE),
    ],
    ids=["order", "short", "long", "announced", "large", "szx", "option", "continue"],
)
def test_what_breaks_the_rules_ends_it(response: Message) -> None:
    with pytest.raises(InvalidMessage):
        conversation(largest=100).hear(response)


def test_a_body_that_goes_on_for_too_long_ends_it() -> None:
    talk = conversation(largest=40)
    for number in range(2):
        assert talk.hear(part(number, more=True)) is Turn.NEXT
    with pytest.raises(InvalidMessage, match="too large"):
        talk.hear(part(2, more=True))
    assert talk.weight <= 40


def test_a_body_in_bert_blocks_is_counted_in_parts_of_1024_bytes() -> None:
    talk = conversation(largest_szx=BERT)
    talk.hear(part(0, more=True, szx=BERT, payload=bytes(3_072)))
    assert asked(talk, largest=BERT) == Block(3, more=False, szx=BERT)


@given(st.binary(max_size=600), st.integers(0, 4), st.integers(0, 4))
def test_any_two_bodies_arrive_whole(body: bytes, ours: int, theirs: int) -> None:
    talk = conversation(Code.FETCH, body=body, szx=ours)
    received = bytearray()
    while True:
        options, payload = talk.say()
        received += payload
        block = parse(dict(options).get(Option.BLOCK1, b""))
        if not block.more:
            break
        assert talk.hear(said(Code.CONTINUE)) is Turn.NEXT
    assert received == body
    size, outcome, number = 16 << theirs, Turn.NEXT, 0
    while outcome is Turn.NEXT:
        more = (number + 1) * size < len(body)
        payload = body[number * size : (number + 1) * size]
        outcome = talk.hear(part(number, more=more, szx=theirs, payload=payload))
        number += 1
    assert whole(outcome).payload == body


# --- FETCH ---------------------------------------------------------------------------


def test_what_fetch_asks_for_is_said_with_each_block() -> None:
    talk = conversation(Code.FETCH, body=b'["/3/0/0"]')
    talk.hear(part(0, more=True))
    assert asked(talk) == Block(1, more=False, szx=0)
    assert talk.say()[1] == b'["/3/0/0"]'


def test_a_body_that_went_in_blocks_is_not_said_again() -> None:
    talk = conversation(Code.FETCH, body=bytes(20), szx=0)
    talk.hear(said(Code.CONTINUE))
    talk.hear(part(0, more=True))
    options, payload = talk.say()
    assert payload == b""
    assert Option.BLOCK1 not in dict(options)


# --- What is observed ----------------------------------------------------------------


@pytest.mark.conforms("C-178", "RFC 7959 §2.6")
def test_the_rest_of_what_is_observed_is_read_without_observing_it_again() -> None:
    talk = conversation(Code.GET, OBSERVE)
    number = (Option.OBSERVE, b"\x05")
    talk.hear(part(0, more=True, options=(number,)))
    assert dict(talk.say()[0]).keys() == {Option.URI_PATH, Option.BLOCK2}
    assert talk.observed is not None
    answer = whole(talk.hear(part(1, more=False, payload=b"end")))
    assert answer.value(Option.OBSERVE) == b"\x05"
    assert answer.payload == bytes(16) + b"end"


def test_a_value_that_is_not_observed_after_all_is_read_the_same_way() -> None:
    talk = conversation(Code.GET, OBSERVE)
    talk.hear(part(0, more=True))
    assert talk.observed is None
    assert Option.OBSERVE not in dict(talk.say()[0])


def test_a_number_that_nobody_asked_for_observes_nothing() -> None:
    talk = conversation()
    talk.hear(part(0, more=True, options=(OBSERVE,)))
    assert talk.observed is None


def test_what_changes_while_its_rest_is_read_keeps_its_number() -> None:
    talk = conversation(Code.GET, OBSERVE)
    talk.hear(part(0, more=True, options=((Option.OBSERVE, b"\x05"),), etag=b"a"))
    assert talk.hear(part(1, more=False, etag=b"b")) is Turn.NEXT
    assert asked_anew(talk)
    form = (Option.CONTENT_FORMAT, b"\x2a")
    answer = whole(talk.hear(said(Code.CONTENT, form, payload=b"new")))
    assert answer.options == ((Option.OBSERVE, b"\x05"), form)
    assert answer.payload == b"new"


@pytest.mark.conforms("C-178", "RFC 7959 §2.6")
def test_a_newer_value_takes_the_place_of_the_older_one() -> None:
    talk = conversation(Code.GET, OBSERVE)
    talk.hear(part(0, more=True, options=(OBSERVE,), payload=b"old" * 5 + b"!"))
    newer = part(
        0, more=True, options=((Option.OBSERVE, b"\x09"),), payload=b"new" * 5 + b"!"
    )
    assert talk.renew(newer) is Turn.NEXT
    assert asked(talk) == Block(1, more=False, szx=0)
    answer = whole(talk.hear(part(1, more=False, payload=b".")))
    assert answer.payload == b"new" * 5 + b"!."
    assert answer.value(Option.OBSERVE) == b"\x09"


def test_a_newer_value_that_fits_one_message_is_the_end() -> None:
    talk = conversation(Code.GET, OBSERVE)
    talk.hear(part(0, more=True, options=(OBSERVE,)))
    newer = Message(
        Type.CON, Code.CONTENT, 9, b"\x01", ((Option.OBSERVE, b"\x09"),), b"now"
    )
    assert talk.renew(newer) == newer


def test_an_error_while_the_rest_is_read_says_nothing_of_the_observation() -> None:
    talk = conversation(Code.GET, OBSERVE)
    for _ in range(2):
        talk.hear(part(0, more=True, options=(OBSERVE,)))
        outcome = talk.hear(said(Code.NOT_FOUND))
    assert whole(outcome).value(Option.OBSERVE) is None


def test_one_that_is_over_keeps_nothing() -> None:
    talk = conversation(Code.FETCH, OBSERVE, body=b"paths")
    talk.hear(part(0, more=True, options=(OBSERVE,)))
    assert talk.weight == 21
    talk.end()
    assert talk.weight == 0
    assert talk.observed is None


@pytest.mark.parametrize(
    ("value", "ends"), [(b"\x01", True), (b"", False), (b"\x00", False)]
)
def test_who_observes_no_more_says_so(value: bytes, *, ends: bool) -> None:
    talk = conversation(Code.GET, (Option.OBSERVE, value))
    assert talk.ends_observation is ends
    assert not conversation().ends_observation


# --- What others have said -----------------------------------------------------------


def test_a_response_to_what_others_have_said_is_the_last() -> None:
    talk = conversation(Code.PUT, body=bytes(100), szx=0)
    assert whole(talk.resume(said(Code.CHANGED))).code == Code.CHANGED


@pytest.mark.parametrize(("szx", "then"), [(2, (2, 2)), (1, (3, 1))])
def test_blocks_go_on_after_the_one_that_it_is_about(
    szx: int, then: tuple[int, int]
) -> None:
    talk = conversation(Code.PUT, body=bytes(1024), szx=2)
    about = (Option.BLOCK1, build(Block(then[0] - 1, more=True, szx=szx)))
    assert talk.resume(said(Code.CONTINUE, about)) is Turn.NEXT
    options, _ = talk.say()
    (block,) = [value for number, value in options if number == Option.BLOCK1]
    assert parse(block) == Block(then[0], more=True, szx=then[1])


def test_who_wants_smaller_blocks_is_sent_the_first_one_again() -> None:
    talk = conversation(Code.PUT, body=bytes(1024), szx=2)
    smaller = (Option.BLOCK1, build(Block(0, more=True, szx=0)))
    assert talk.resume(said(Code.REQUEST_ENTITY_TOO_LARGE, smaller)) is Turn.NEXT
    assert talk.say()[1] == bytes(16)


def test_a_body_is_read_on_after_its_first_block() -> None:
    talk = conversation()
    assert talk.resume(part(0, more=True, payload=b"a" * 16)) is Turn.NEXT
    assert asked(talk).number == 1
    ended = talk.hear(part(1, more=False, payload=b"b"))
    assert whole(ended).payload == b"a" * 16 + b"b"


@pytest.mark.parametrize("kind", [Type.ACK, Type.CON])
def test_a_body_of_which_others_have_the_beginning_is_read_anew(kind: Type) -> None:
    talk = conversation()
    assert talk.resume(part(3, more=True, kind=kind)) is Turn.NEXT
    assert talk.say() == ((PATH,), b"")


def test_what_is_not_safe_is_not_asked_anew() -> None:
    with pytest.raises(InvalidMessage):
        conversation(Code.POST).resume(part(3, more=True))
