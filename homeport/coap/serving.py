"""The serving half of an endpoint: requests of peers made whole, and answered once.

Requests are answered at once, in the acknowledgement: an empty acknowledgement that a
crash orphans makes some devices wait for ever (COAP-8).
"""

from dataclasses import replace
from typing import Generic

from homeport.coap import blockwise, checks, codec
from homeport.coap.answer import Answer, explain
from homeport.coap.blockwise import (
    LARGEST_SZX,
    Block,
    Bodies,
    LargeResponses,
    Response,
)
from homeport.coap.codec import Code, Message, Option, Type
from homeport.coap.echo import Echoes
from homeport.coap.messages import Messages, Peer
from homeport.coap.requests import Fetched, Request
from homeport.errors import InvalidMessage

AMPLIFICATION = 3
"""An answer to an address that proved nothing is at most so much longer (B-219)."""

_ERROR = 4
_UNWRITTEN = 16
"""Bytes of an answer besides its text: header, token, options, marker."""
_BEGIN_AGAIN = explain(
    Code.REQUEST_ENTITY_INCOMPLETE, "begin again with the first block"
)


class Serving(Generic[Peer]):
    """Requests of peers, and their answers."""

    def __init__(
        self,
        messages: Messages[Peer],
        *,
        largest_szx: int,
        largest_body: int,
        proven: bool,
    ) -> None:
        self._messages = messages
        self._largest_szx = largest_szx
        self._largest_body = largest_body
        self._echoes = None if proven else Echoes()
        self._bodies = Bodies(largest_body)
        self._large = LargeResponses()

    def receive(
        self, message: Message, address: Peer, length: int, now: float
    ) -> Request[Peer] | Fetched[Peer] | None:
        """Take a request; None when it has been dealt with."""
        if message.type not in (Type.CON, Type.NON):
            return None
        if self._messages.repeated(address, message.message_id, now=now):
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
        if (message.number(Option.SIZE1) or 0) <= self._largest_body:
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
        self.respond(echoing, self._not_whole(body), now=now)
        return None

    def _not_whole(self, code: Code) -> Answer:
        """Return what a peer hears whose body does not become whole, or not yet."""
        match code:
            case Code.REQUEST_ENTITY_TOO_LARGE:
                limit = blockwise.size_option(self._largest_body)
                return Answer(code, ((Option.SIZE1, limit),))
            case Code.REQUEST_ENTITY_INCOMPLETE:
                return _BEGIN_AGAIN
            case _:
                return Answer(code)

    def _answer(
        self, request: Request[Peer], answer: Response, *, keep: bool, now: float
    ) -> None:
        message, address = request.message, request.address
        if checks.is_unwanted(message, answer.code):
            datagram = _silence(message)
        else:
            datagram = codec.encode(self._response(request, answer, now))
        challenge = self._challenge(request, len(datagram), now)
        if challenge is not None:
            datagram, keep = (
                codec.encode(self._response(request, challenge, now)),
                False,
            )
        if keep:
            self._messages.settle(address, message.message_id, datagram, now=now)
            return
        self._messages.forget(address, message.message_id)
        self._messages.send(datagram, address)

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

    def _response(
        self, request: Request[Peer], answer: Response, now: float
    ) -> Message:
        message = request.message
        confirmed, message_id = message.type == Type.CON, message.message_id
        if not confirmed:
            message_id = self._messages.new_message_id(request.address, now=now)
        return Message(
            Type.ACK if confirmed else Type.NON,
            answer.code,
            message_id,
            message.token,
            answer.options,
            answer.payload,
        )


def _silence(message: Message) -> bytes:
    """Acknowledge what must be acknowledged and say no more (RFC 7967 §3.1)."""
    if message.type == Type.CON:
        return codec.encode_empty(Type.ACK, message.message_id)
    return b""


def _shortened(text: bytes, request_length: int) -> bytes:
    """Cut a diagnostic text so that nobody gains from a forged address."""
    room = max(0, AMPLIFICATION * request_length - _UNWRITTEN)
    return text[:room].decode(errors="ignore").encode()
