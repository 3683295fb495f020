"""Our own requests in blocks, both ways."""

import pytest

from homeport.coap import codec
from homeport.coap.blockwise import BERT, Block, build, parse
from homeport.coap.codec import Code, Message, Option, Type
from homeport.coap.layer import Failure, Reply
from tests.support.asking import OBJECT_0, ask, part
from tests.support.lockstep import PEER, Lockstep, acknowledge


@pytest.mark.conforms("C-193", "C-194", "COAP-18", "COAP-19")
def test_a_large_payload_goes_in_blocks_with_one_token() -> None:
    step = Lockstep()
    exchange, sent = ask(step, payload=OBJECT_0, szx=5)
    assert sent.number(Option.SIZE1) == len(OBJECT_0)
    received, token, ids = b"", sent.token, set()
    for number in range(3):
        block = parse(sent.value(Option.BLOCK1) or b"")
        assert block == Block(number, more=number < 2, szx=5)
        assert sent.token == token
        ids.add(sent.message_id)
        received += sent.payload
        if block.more:
            # 2.31 and no Block1 echoed, as some devices answer
            assert step.take(acknowledge(sent, Code.CONTINUE)) is None
            sent = step.sent_message()
    assert received == OBJECT_0
    assert len(ids) == 3
    # the last answer has no Block1 either (COAP-19)
    reply = step.take(acknowledge(sent))
    assert isinstance(reply, Reply)
    assert reply.exchange is exchange


def with_block1(asked: Message, code: Code, block: Block) -> bytes:
    return codec.encode(
        Message(
            Type.ACK,
            code,
            asked.message_id,
            asked.token,
            ((Option.BLOCK1, build(block)),),
        )
    )


def test_a_peer_may_ask_for_smaller_blocks_on_the_way() -> None:
    step = Lockstep()
    _, sent = ask(step, payload=OBJECT_0)
    step.take(with_block1(sent, Code.CONTINUE, Block(0, more=True, szx=5)))
    sent = step.sent_message()
    assert parse(sent.value(Option.BLOCK1) or b"") == Block(2, more=False, szx=5)
    assert sent.payload == OBJECT_0[1024:]


@pytest.mark.conforms("C-193", "COAP-18")
def test_too_large_a_block_starts_again_with_smaller_ones() -> None:
    step = Lockstep()
    _, sent = ask(step, payload=OBJECT_0)
    step.take(
        with_block1(sent, Code.REQUEST_ENTITY_TOO_LARGE, Block(0, more=False, szx=5))
    )
    sent = step.sent_message()
    assert parse(sent.value(Option.BLOCK1) or b"") == Block(0, more=True, szx=5)
    assert sent.payload == OBJECT_0[:512]


def test_a_refusal_in_the_middle_is_the_reply() -> None:
    step = Lockstep()
    _, sent = ask(step, payload=OBJECT_0)
    reply = step.take(acknowledge(sent, Code.BAD_REQUEST))
    assert isinstance(reply, Reply)
    assert reply.message.code == Code.BAD_REQUEST


def test_being_asked_to_go_on_after_the_end_is_a_failure() -> None:
    step = Lockstep()
    _, sent = ask(step, payload=b"x")
    assert isinstance(step.take(acknowledge(sent, Code.CONTINUE)), Failure)


def test_a_large_response_is_fetched_whole() -> None:
    step = Lockstep()
    exchange = step.layer.request(PEER, Code.GET, path=("fw",), now=step.now)
    for number in range(3):
        sent = step.sent_message()
        if number:
            wanted = parse(sent.value(Option.BLOCK2) or b"")
            assert wanted == Block(number, more=False, szx=5)
        size = 512 if number < 2 else 10
        taken = step.take(
            part(sent, Block(number, more=number < 2, szx=5), bytes([number]) * size)
        )
    assert isinstance(taken, Reply)
    assert taken.exchange is exchange
    assert taken.message.payload == bytes(512) + b"\x01" * 512 + b"\x02" * 10


@pytest.mark.parametrize(
    ("block", "payload"),
    [
        (Block(1, more=True, szx=5), bytes(512)),
        (Block(0, more=True, szx=5), bytes(100)),
    ],
)
def test_a_response_whose_blocks_do_not_fit_is_a_failure(
    block: Block, payload: bytes
) -> None:
    step = Lockstep()
    step.layer.request(PEER, Code.GET, now=step.now)
    assert isinstance(step.take(part(step.sent_message(), block, payload)), Failure)


def test_a_large_response_in_bert_blocks_is_fetched_whole() -> None:
    step = Lockstep(largest_szx=BERT)
    step.layer.request(PEER, Code.GET, path=("fw",), now=step.now)
    first = Block(0, more=True, szx=BERT)
    step.take(part(step.sent_message(), first, bytes(3_072)))
    asked = step.sent_message()
    wanted = parse(asked.value(Option.BLOCK2) or b"", largest=BERT)
    assert wanted == Block(3, more=False, szx=BERT)
    reply = step.take(part(asked, Block(3, more=False, szx=BERT), b"end"))
    assert isinstance(reply, Reply)
    assert reply.message.payload == bytes(3_072) + b"end"


def test_a_bert_block_is_none_where_the_transport_is_not_reliable() -> None:
    step = Lockstep()
    step.layer.request(PEER, Code.GET, path=("fw",), now=step.now)
    block = Block(0, more=True, szx=BERT)
    assert isinstance(
        step.take(part(step.sent_message(), block, bytes(1_024))), Failure
    )


# --- Many at once --------------------------------------------------------------------
