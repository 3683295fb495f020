"""A message layer and its peer, one datagram after another, at a time of their own."""

import random

from homeport.coap import codec
from homeport.coap.answer import Answer
from homeport.coap.blockwise import LARGEST_SZX, Block, build
from homeport.coap.codec import Code, Message, Option, Options, Type
from homeport.coap.layer import Failure, MessageLayer, Notification, Received, Request

PEER = ("192.0.2.1", 40_000)
OBSERVE: Options = ((Option.OBSERVE, b""),)
PATH = ("3200", "0", "5501")


class Lockstep:
    """Feeds a layer what a scripted peer sends, and takes what it answers."""

    def __init__(self, *, largest_szx: int = LARGEST_SZX) -> None:
        self.layer = MessageLayer(chance=random.Random(1), largest_szx=largest_szx)
        self.now = 1_000.0

    def take(self, datagram: bytes | str, peer: object = PEER) -> Received | None:
        """Let a datagram arrive, as bytes or as hex with spaces."""
        if isinstance(datagram, str):
            datagram = bytes.fromhex(datagram)
        return self.layer.receive(datagram, peer, self.now)

    def sent(self) -> list[bytes]:
        """Take the datagrams that are to be sent."""
        return [datagram for datagram, _ in self.layer.datagrams()]

    def sent_one(self) -> bytes:
        """Take the only datagram that is to be sent."""
        (datagram,) = self.sent()
        return datagram

    def sent_message(self) -> Message:
        """Take the only message that is to be sent."""
        return codec.decode(self.sent_one())

    def respond(self, request: object, code: Code = Code.CHANGED) -> bytes:
        """Answer a request; return the datagram."""
        assert isinstance(request, Request)
        self.layer.respond(request, Answer(code), now=self.now)
        return self.sent_one()

    def wait(self, seconds: float) -> list[Failure]:
        """Let time pass."""
        self.now += seconds
        return self.layer.tick(self.now)


def acknowledge(
    asked: Message, code: Code = Code.CHANGED, *, payload: bytes = b""
) -> bytes:
    """Encode a piggybacked response."""
    return codec.encode(
        Message(Type.ACK, code, asked.message_id, asked.token, (), payload)
    )


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
    """Encode a notification; its number says which one is newer (RFC 7641 §3.4)."""
    options: list[tuple[int, bytes]] = []
    if number is not None:
        options.append((Option.OBSERVE, number.to_bytes(3, "big").lstrip(b"\x00")))
    if block is not None:
        options.append((Option.BLOCK2, build(block)))
    mid = 0x1000 + (number or 0) if mid is None else mid
    return codec.encode(Message(kind, code, mid, token, tuple(options), payload))


def notified(step: Lockstep, datagram: bytes | str) -> Notification:
    """Let a notification arrive."""
    taken = step.take(datagram)
    assert isinstance(taken, Notification)
    return taken


def raw(message: Message) -> bytes:
    """Encode by hand, so that the decoder is not held to its own encoder."""
    out = bytearray([0x40 | int(message.type) << 4 | len(message.token), message.code])
    out += message.message_id.to_bytes(2, "big") + message.token
    last = 0
    for number, value in message.options:
        nibbles, extended = 0, b""
        for part in (number - last, len(value)):
            nibble, more = (part, b"")
            if part >= 269:
                nibble, more = 14, (part - 269).to_bytes(2, "big")
            elif part >= 13:
                nibble, more = 13, bytes([part - 13])
            nibbles, extended = nibbles << 4 | nibble, extended + more
        out += bytes([nibbles]) + extended + value
        last = number
    return bytes(out) + (b"\xff" + message.payload if message.payload else b"")
