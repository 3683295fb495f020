"""The message layer of CoAP: datagrams and a clock in, requests and replies out.

No input or output happens in here (RFC 7252 §4): `receive` and `tick` return what
matters to the caller, and leave in `datagrams` what is to be sent.

Requests are answered at once, in the acknowledgement: an empty acknowledgement that a
crash orphans makes some devices wait for ever (COAP-8).
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Generic

from homeport.coap import blockwise, checks, codec
from homeport.coap.answer import Answer, explain
from homeport.coap.blockwise import (
    LARGEST_BODY,
    LARGEST_SZX,
    Block,
    Bodies,
    LargeResponses,
    Response,
)
from homeport.coap.codec import Code, Message, Option, Type
from homeport.coap.echo import Echoes
from homeport.coap.exchanges import Exchange, Exchanges, Failure, Peer, Reply
from homeport.coap.kept import Kept
from homeport.coap.requests import Fetched, Request
from homeport.errors import InvalidMessage

__all__ = ["Exchange", "Failure", "Fetched", "MessageLayer", "Reply", "Request"]

MOST_ANSWERS = 65_536
MOST_ANSWER_BYTES = 8 * 2**20
"""Answers to requests, for their repetitions: an edge's short cut. Those that matter
live with the session in the store too, where every other edge finds them (B-228)."""

UNDER_WAY = b""
"""Stands for the answer to a message that is being worked on."""

AMPLIFICATION = 3
"""An answer to an address that proved nothing is at most so much longer (B-219)."""

_LAST_REQUEST, _FIRST_RESPONSE, _FIRST_SIGNAL = 31, 64, 192
_RESPONSES = 1 << 16
"""Ids of responses are kept apart from those of requests: a device that puts an id of
ours on one may have used it itself before (COAP-5)."""
_ERROR = 4
_CON = 0x40
"""The first half byte of a confirmable message of version 1."""
_UNWRITTEN = 16
"""Bytes of an answer besides its text: header, token, options, marker."""

_NOT_WHOLE = {
    Code.REQUEST_ENTITY_TOO_LARGE: Answer(
        Code.REQUEST_ENTITY_TOO_LARGE,
        ((Option.SIZE1, blockwise.size_option(LARGEST_BODY)),),
    ),
    Code.REQUEST_ENTITY_INCOMPLETE: explain(
        Code.REQUEST_ENTITY_INCOMPLETE, "begin again with the first block"
    ),
}
"""What a peer is told besides the code, when its body does not become whole."""


class MessageLayer(Generic[Peer]):
    """One endpoint, towards any number of peers; an address is any hashable value.

    ``largest_szx`` is BERT where all of them are reached over TCP. ``proven`` says that
    all are where their messages come from; others have to prove it before they get more
    than they have sent (B-219).
    """

    def __init__(
        self,
        *,
        chance: random.Random | None = None,
        largest_szx: int = LARGEST_SZX,
        proven: bool = True,
    ) -> None:
        self._largest_szx = largest_szx
        self._echoes = None if proven else Echoes()
        self._answers: Kept[bytes] = Kept(
            most=MOST_ANSWERS, most_bytes=MOST_ANSWER_BYTES
        )
        self._outgoing: list[tuple[bytes, Peer]] = []
        self._exchanges: Exchanges[Peer] = Exchanges(
            self._send,
            chance=chance or random.SystemRandom(),
            largest_szx=largest_szx,
        )
        self._bodies = Bodies()
        self._large = LargeResponses()

    def receive(
        self, datagram: bytes, address: Peer, now: float
    ) -> Request[Peer] | Fetched[Peer] | Reply[Peer] | Failure[Peer] | None:
        """Take a datagram; None when the layer has dealt with it."""
        try:
            message = codec.decode(datagram)
        except InvalidMessage:
            self._reject(datagram, address)
            return None
        if message.code == Code.EMPTY:
            return self._receive_empty(message, address, now)
        if message.code <= _LAST_REQUEST:
            return self._receive_request(message, address, len(datagram), now)
        if _FIRST_RESPONSE <= message.code < _FIRST_SIGNAL:
            return self._receive_response(message, address, now)
        self._reset(message, address)
        return None

    def respond(self, request: Request[Peer], answer: Answer, *, now: float) -> bool:
        """Answer a request; say whether that was all, or the rest is to be fetched."""
        said, payload, whole = answer.options, answer.payload, True
        if request.block1 is not None:
            said = (*said, (Option.BLOCK1, blockwise.build(request.block1)))
        if answer.code >> 5 >= _ERROR:
            payload = _shortened(payload, request.length)
        elif len(payload) > (block := self._first_block(request.message)).size:
            large = Response(answer.code, said, payload)
            self._large.put(request.transfer, large, now=now)
            said, payload = large.part(block) or (said, b"")
            whole = False
        self._answer(
            request, Response(answer.code, said, payload), keep=answer.keep, now=now
        )
        return whole

    def repeated(self, address: Peer, message_id: int, *, now: float) -> bool:
        """Say whether a message was seen before, and repeat its answer if it has one.

        The other message is under way from now on: `settle` it.
        """
        key = address, message_id
        known = self._answers.get(key, now=now)
        if known is None:
            self._answers.put(key, UNDER_WAY, length=0, now=now)
            return False
        if known != UNDER_WAY:
            self._send(known, address)
        return True

    def settle(
        self, address: Peer, message_id: int, answer: bytes, *, now: float
    ) -> None:
        """Send an answer that its caller has encoded, and keep it for repetitions."""
        self._answers.put((address, message_id), answer, length=len(answer), now=now)
        self._send(answer, address)

    def forget(self, address: Peer, message_id: int) -> None:
        """Leave a request unanswered: its repetition is a new one."""
        self._answers.drop((address, message_id))

    def request(
        self,
        address: Peer,
        code: Code,
        *,
        path: Sequence[str] = (),
        queries: Sequence[str] = (),
        options: Sequence[tuple[int, bytes]] = (),
        payload: bytes = b"",
        szx: int = LARGEST_SZX,
        now: float,
    ) -> Exchange[Peer]:
        """Send a confirmable request; a payload over 16 << szx bytes goes in blocks."""
        named = [(Option.URI_PATH, segment.encode()) for segment in path]
        asked = [(Option.URI_QUERY, query.encode()) for query in queries]
        return self._exchanges.begin(
            address,
            code,
            options=[*named, *asked, *options],
            payload=payload,
            szx=szx,
            now=now,
        )

    def cancel(self, exchange: Exchange[Peer]) -> None:
        """Give up a request of ours; an answer to it is not known any more."""
        self._exchanges.cancel(exchange)

    def tick(self, now: float) -> list[Failure[Peer]]:
        """Do what is due; return the requests of ours that came to nothing."""
        return self._exchanges.tick(now)

    def datagrams(self) -> list[tuple[bytes, Peer]]:
        """Take what is to be sent."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def next_deadline(self) -> float | None:
        """Return when `tick` has something to do, if ever."""
        return self._exchanges.next_deadline()

    def _receive_empty(
        self, message: Message, address: Peer, now: float
    ) -> Failure[Peer] | None:
        match message.type:
            case Type.CON:
                self._reset(message, address)  # a ping (RFC 7252 §4.3)
            case Type.ACK:
                self._exchanges.acknowledged(address, message.message_id, now)
            case Type.RST:
                return self._exchanges.reset(address, message.message_id)
        return None

    def _receive_request(
        self, message: Message, address: Peer, length: int, now: float
    ) -> Request[Peer] | Fetched[Peer] | None:
        if message.type not in (Type.CON, Type.NON):
            return None
        if self.repeated(address, message.message_id, now=now):
            return None
        request = Request(message, address, length)
        refusal = checks.refusal(message)
        if refusal is not None:
            if refusal != Code.BAD_OPTION or message.type == Type.CON:
                self.respond(request, Answer(refusal), now=now)
            return None
        try:
            block = self._block2(message)
            if block is not None and block.number > 0:
                return self._continued(request, block, now)
            return self._assembled(request, now)
        except InvalidMessage as error:
            self.respond(request, explain(Code.BAD_OPTION, error), now=now)
        return None

    def _continued(
        self, request: Request[Peer], block: Block, now: float
    ) -> Fetched[Peer] | None:
        """Answer with a further block of a large response."""
        large = self._large.get(request.transfer, now=now)
        part = large.part(block) if large is not None else None
        if large is None or part is None:
            self.respond(request, Answer(Code.REQUEST_ENTITY_INCOMPLETE), now=now)
            return None
        self._answer(request, Response(large.code, *part), keep=True, now=now)
        return Fetched(request) if large.ends_with(block) else None

    def _assembled(self, request: Request[Peer], now: float) -> Request[Peer] | None:
        """Return a request with its whole body; None while blocks are missing."""
        message = request.message
        value = message.value(Option.BLOCK1)
        if value is None:
            return request
        block = blockwise.parse(value, largest=self._largest_szx)
        echoing = replace(request, block1=block)
        body: bytes | Code = Code.REQUEST_ENTITY_TOO_LARGE
        if (message.number(Option.SIZE1) or 0) <= LARGEST_BODY:
            body = self._bodies.add(
                request.address,
                request.transfer,
                block,
                message.payload,
                token=message.token,
                now=now,
            )
        if isinstance(body, bytes):
            return replace(echoing, message=replace(message, payload=body))
        self.respond(echoing, _NOT_WHOLE.get(body, Answer(body)), now=now)
        return None

    def _receive_response(
        self, message: Message, address: Peer, now: float
    ) -> Reply[Peer] | Failure[Peer] | None:
        confirmable, known_as = (
            message.type == Type.CON,
            message.message_id | _RESPONSES,
        )
        if confirmable and self.repeated(address, known_as, now=now):
            return None
        exchange = self._exchanges.match(address, message)
        if exchange is None and checks.is_auto_observed(message):
            if confirmable:
                self._acknowledge(message, address, known_as, now)
            return None
        if exchange is None or checks.has_unknown_critical(message):
            if confirmable:
                self.forget(address, known_as)
                self._reset(message, address)
            return None
        if confirmable:
            self._acknowledge(message, address, known_as, now)
        return self._exchanges.respond(exchange, message, now)

    def _acknowledge(
        self, message: Message, address: Peer, known_as: int, now: float
    ) -> None:
        acknowledgement = codec.encode_empty(Type.ACK, message.message_id)
        self.settle(address, known_as, acknowledgement, now=now)

    def _answer(
        self, request: Request[Peer], answer: Response, *, keep: bool, now: float
    ) -> None:
        message = request.message
        if checks.is_unwanted(message, answer.code):
            datagram = self._silence(message)
        else:
            datagram = codec.encode(self._response(message, answer))
        challenge = self._challenge(request, len(datagram), now)
        if challenge is not None:
            datagram, keep = codec.encode(self._response(message, challenge)), False
        if keep:
            self.settle(request.address, message.message_id, datagram, now=now)
            return
        self.forget(request.address, message.message_id)
        self._send(datagram, request.address)

    def _challenge(
        self, request: Request[Peer], length: int, now: float
    ) -> Response | None:
        """Return what to answer instead, where so long an answer may hit a third party.

        The peer sends the value back with its request (RFC 9175 §2.4).
        """
        echoes, address = self._echoes, request.address
        if echoes is None or length <= AMPLIFICATION * request.length:
            return None
        if echoes.proves(request.message.value(Option.ECHO), address, now=now):
            return None
        value = echoes.challenge(address, now=now)
        return Response(Code.UNAUTHORIZED, ((Option.ECHO, value),), b"")

    def _block2(self, message: Message) -> Block | None:
        value = message.value(Option.BLOCK2)
        if value is None:
            return None
        return blockwise.parse(value, largest=self._largest_szx)

    def _first_block(self, message: Message) -> Block:
        """Return the first block in the size that the peer asks for."""
        return self._block2(message) or Block(0, more=False, szx=LARGEST_SZX)

    def _response(self, message: Message, answer: Response) -> Message:
        confirmed = message.type == Type.CON
        return Message(
            Type.ACK if confirmed else Type.NON,
            answer.code,
            message.message_id if confirmed else self._exchanges.new_message_id(),
            message.token,
            answer.options,
            answer.payload,
        )

    def _silence(self, message: Message) -> bytes:
        """Acknowledge what must be acknowledged and say no more (RFC 7967 §3.1)."""
        if message.type == Type.CON:
            return codec.encode_empty(Type.ACK, message.message_id)
        return b""

    def _reject(self, datagram: bytes, address: Peer) -> None:
        """Reset a confirmable message whose header is good (RFC 7252 §4.2)."""
        if len(datagram) >= codec.HEADER_LENGTH and datagram[0] & 0xF0 == _CON:
            message_id = int.from_bytes(datagram[2:4], "big")
            self._send(codec.encode_empty(Type.RST, message_id), address)

    def _reset(self, message: Message, address: Peer) -> None:
        if message.type == Type.CON:
            self._send(codec.encode_empty(Type.RST, message.message_id), address)

    def _send(self, datagram: bytes, address: Peer) -> None:
        if datagram:
            self._outgoing.append((datagram, address))


def _shortened(text: bytes, request_length: int) -> bytes:
    """Cut a diagnostic text so that nobody gains from a forged address."""
    room = max(0, AMPLIFICATION * request_length - _UNWRITTEN)
    return text[:room].decode(errors="ignore").encode()
