"""Requests of ours in lockstep, and the blocks that answer them."""

from homeport.coap import codec
from homeport.coap.blockwise import Block, build
from homeport.coap.codec import Code, Message, Option, Type
from homeport.coap.layer import Exchange
from tests.support.lockstep import PEER, Lockstep

OBJECT_0 = bytes(range(256)) * 5


def ask(
    step: Lockstep, *, payload: bytes = b"", szx: int = 6
) -> tuple[Exchange, Message]:
    exchange = step.layer.request(
        PEER, Code.PUT, path=("0",), payload=payload, szx=szx, now=step.now
    )
    return exchange, step.sent_message()


def part(asked: Message, block: Block, payload: bytes) -> bytes:
    return codec.encode(
        Message(
            Type.ACK,
            Code.CONTENT,
            asked.message_id,
            asked.token,
            ((Option.BLOCK2, build(block)),),
            payload,
        )
    )
