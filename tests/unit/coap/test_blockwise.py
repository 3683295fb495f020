"""Bodies in blocks (RFC 7959)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.coap import blockwise
from homeport.coap.blockwise import (
    BERT,
    LARGEST_BODY,
    MOST_OF_ONE,
    Block,
    Bodies,
    Response,
)
from homeport.coap.codec import Code, Option
from homeport.errors import InvalidMessage

blocks = st.builds(Block, st.integers(0, 2**20 - 1), st.booleans(), st.integers(0, 6))


def add_all(bodies: Bodies, body: bytes, szx: int) -> bytes | Code:
    """Send a body in blocks of one size; return the last outcome."""
    size = 16 << szx
    outcome: bytes | Code = Code.CONTINUE
    for number in range(max(1, -(-len(body) // size))):
        part = body[number * size : (number + 1) * size]
        more = (number + 1) * size < len(body)
        assert outcome == Code.CONTINUE
        outcome = bodies.add("peer", "key", Block(number, more, szx), part, now=number)
    return outcome


@given(blocks)
def test_an_option_is_read_as_it_was_written(block: Block) -> None:
    assert blockwise.parse(blockwise.build(block)) == block


@pytest.mark.parametrize(
    ("value", "block"),
    [
        ("", Block(0, more=False, szx=0)),
        ("0d", Block(0, more=True, szx=5)),
        ("1d", Block(1, more=True, szx=5)),
        ("25", Block(2, more=False, szx=5)),
    ],
)
def test_captured_options_are_read(value: str, block: Block) -> None:
    assert blockwise.parse(bytes.fromhex(value)) == block


@pytest.mark.parametrize("value", ["07", "0f", "00000001"])
def test_what_is_no_block_option_is_refused(value: str) -> None:
    with pytest.raises(InvalidMessage):
        blockwise.parse(bytes.fromhex(value))


@given(st.binary(max_size=3_000), st.integers(0, 6))
def test_a_body_arrives_whole(body: bytes, szx: int) -> None:
    assert add_all(Bodies(), body, szx) == body


def test_a_size_may_shrink_on_the_way() -> None:
    bodies = Bodies()
    bodies.add("peer", "key", Block(0, more=True, szx=5), bytes(512), now=0)
    assert bodies.add("peer", "key", Block(8, more=False, szx=2), b"end", now=0) == (
        bytes(512) + b"end"
    )


@pytest.mark.parametrize("number", [1, 3])
def test_a_gap_is_incomplete_and_ends_the_transfer(number: int) -> None:
    bodies = Bodies()
    if number == 3:
        bodies.add("peer", "key", Block(0, more=True, szx=0), bytes(16), now=0)
    gap = Block(number, more=False, szx=0)
    assert bodies.add("peer", "key", gap, b"x", now=0) == Code.REQUEST_ENTITY_INCOMPLETE
    again = Block(1, more=False, szx=0)
    assert (
        bodies.add("peer", "key", again, b"x", now=0) == Code.REQUEST_ENTITY_INCOMPLETE
    )


@pytest.mark.parametrize("length", [0, 15, 17])
def test_a_block_of_another_length_than_it_says_is_refused(length: int) -> None:
    block = Block(0, more=True, szx=0)
    assert Bodies().add("peer", "key", block, bytes(length), now=0) == Code.BAD_REQUEST


def test_a_body_over_the_limit_is_too_large() -> None:
    assert add_all(Bodies(), bytes(LARGEST_BODY), 6) == bytes(LARGEST_BODY)
    bodies = Bodies()
    for number in range(LARGEST_BODY // 1024):
        bodies.add("peer", "key", Block(number, more=True, szx=6), bytes(1024), now=0)
    last = Block(LARGEST_BODY // 1024, more=False, szx=6)
    assert bodies.add("peer", "key", last, b"x", now=0) == Code.REQUEST_ENTITY_TOO_LARGE


def test_transfers_of_others_do_not_mix() -> None:
    bodies = Bodies()
    for key in ("a", "b"):
        bodies.add(key, "key", Block(0, more=True, szx=0), key.encode() * 16, now=0)
    end = Block(1, more=False, szx=0)
    assert bodies.add("a", "key", end, b"", now=0) == b"a" * 16


FIRST, LAST = Block(0, more=True, szx=0), Block(1, more=False, szx=0)


def test_two_bodies_of_one_owner_are_told_apart_by_their_tokens() -> None:
    bodies = Bodies()
    for token in (b"a", b"b"):
        assert bodies.add("peer", "key", FIRST, token * 16, token=token, now=0) == (
            Code.CONTINUE
        )
    for token in (b"a", b"b"):
        whole = bodies.add("peer", "key", LAST, b"!", token=token, now=0)
        assert whole == token * 16 + b"!"


def test_a_body_whose_blocks_have_a_token_each_is_the_newest_that_fits() -> None:
    bodies = Bodies()
    for number, token in enumerate((b"old", b"new")):
        part = bytes([number]) * 16
        bodies.add("peer", "key", FIRST, part, token=token, now=0)
    whole = bodies.add("peer", "key", LAST, b"!", token=b"another", now=0)
    assert whole == b"\x01" * 16 + b"!"


def test_a_body_begun_again_is_a_new_one() -> None:
    bodies = Bodies()
    for part in (b"a", b"b"):
        bodies.add("peer", "key", FIRST, part * 16, now=0)
    assert bodies.add("peer", "key", LAST, b"", now=0) == b"b" * 16


def test_one_owner_has_only_so_many_on_their_way() -> None:
    bodies = Bodies()
    for number in range(MOST_OF_ONE + 1):
        bodies.add("peer", number, FIRST, bytes(16), now=0)
    oldest, *others = (
        bodies.add("peer", number, LAST, b"", now=0)
        for number in range(MOST_OF_ONE + 1)
    )
    assert oldest == Code.REQUEST_ENTITY_INCOMPLETE
    assert set(others) == {bytes(16)}


def test_what_one_owner_leaves_unfinished_is_forgotten_in_time() -> None:
    bodies = Bodies()
    bodies.add("peer", "key", FIRST, bytes(16), now=0)
    late = bodies.add("peer", "key", LAST, b"", now=248)
    assert late == Code.REQUEST_ENTITY_INCOMPLETE


def test_a_response_is_sent_in_parts() -> None:
    response = Response(Code.CONTENT, (), bytes(range(40)))
    options, payload = response.part(Block(0, more=False, szx=0)) or ((), b"")
    assert payload == bytes(range(16))
    assert options == ((Option.BLOCK2, b"\x08"), (Option.SIZE2, b"\x28"))
    options, payload = response.part(Block(2, more=False, szx=0)) or ((), b"")
    assert payload == bytes(range(32, 40))
    assert options == ((Option.BLOCK2, b"\x20"),)
    assert response.part(Block(3, more=False, szx=0)) is None


# --- BERT (RFC 8323 §6) --------------------------------------------------------------


def test_a_block_option_of_bert_is_read_where_it_may_be() -> None:
    assert blockwise.parse(b"\x1f", largest=BERT) == Block(1, more=True, szx=BERT)
    assert Block(3, more=False, szx=BERT).offset == 3_072


def test_a_body_arrives_in_blocks_of_several_times_1024_bytes() -> None:
    bodies, body = Bodies(), bytes(range(256)) * 25
    first = Block(0, more=True, szx=BERT)
    assert bodies.add("peer", "key", first, body[:4_096], now=0) == Code.CONTINUE
    second = Block(4, more=True, szx=BERT)
    assert bodies.add("peer", "key", second, body[4_096:6_144], now=0) == Code.CONTINUE
    last = Block(6, more=False, szx=BERT)
    assert bodies.add("peer", "key", last, body[6_144:], now=0) == body


@pytest.mark.parametrize("length", [0, 1_000, 1_025])
def test_a_bert_block_before_the_last_one_has_whole_parts(length: int) -> None:
    block = Block(0, more=True, szx=BERT)
    assert Bodies().add("peer", "key", block, bytes(length), now=0) == Code.BAD_REQUEST
