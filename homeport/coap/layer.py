"""The message layer of CoAP: datagrams and a clock in, requests and replies out.

No input or output happens in here (RFC 7252 §4): `receive` and `tick` return what
matters to the caller, and leave in `datagrams` what is to be sent.
"""

import random
from collections.abc import Sequence

from homeport.coap import codec
from homeport.coap.answer import Answer
from homeport.coap.asking import Asking
from homeport.coap.blockwise import LARGEST_BODY, LARGEST_SZX
from homeport.coap.codec import Code, Message, Type
from homeport.coap.exchange import Cause, Exchange, Failure, Reply
from homeport.coap.messages import Messages, Peer
from homeport.coap.requests import Fetched, Notification, Request, Stray
from homeport.coap.serving import Serving
from homeport.errors import InvalidMessage

__all__ = [
    "Cause",
    "Exchange",
    "Failure",
    "Fetched",
    "MessageLayer",
    "Notification",
    "Received",
    "Reply",
    "Request",
    "Stray",
]

Received = (
    Request[Peer]
    | Fetched[Peer]
    | Notification[Peer]
    | Stray[Peer]
    | Reply[Peer]
    | Failure[Peer]
)
"""What a datagram may bring."""

_LAST_REQUEST, _FIRST_RESPONSE, _FIRST_SIGNAL = 31, 64, 192
_CON = 0x40
"""The first half byte of a confirmable message of version 1."""


class MessageLayer(Messages[Peer]):
    """One endpoint, towards any number of peers; an address is any hashable value.

    ``largest_szx`` is BERT where all of them are reached over TCP. ``proven`` says that
    all are where their messages come from; others have to prove it before they get more
    than they have sent (B-219). The body of a peer's request has ``largest_body``
    bytes at most, that of a response to ours ``largest_response``.
    """

    def __init__(
        self,
        *,
        chance: random.Random | None = None,
        largest_szx: int = LARGEST_SZX,
        proven: bool = True,
        largest_body: int = LARGEST_BODY,
        largest_response: int = LARGEST_BODY,
    ) -> None:
        chance = chance or random.SystemRandom()
        super().__init__(chance)
        self._serving = Serving(
            self, largest_szx=largest_szx, largest_body=largest_body, proven=proven
        )
        self._asking = Asking(
            self,
            chance,
            largest_szx=largest_szx,
            largest_response=largest_response,
        )
        self._exchanges = self._asking.exchanges

    def receive(
        self, datagram: bytes, address: Peer, now: float
    ) -> Received[Peer] | None:
        """Take a datagram; None when the layer has dealt with it."""
        try:
            message = codec.decode(datagram)
        except InvalidMessage:
            self._reject_undecoded(datagram, address)
            return None
        if message.code == Code.EMPTY:
            return self._receive_empty(message, address, now)
        if message.code <= _LAST_REQUEST:
            return self._serving.receive(message, address, len(datagram), now)
        if _FIRST_RESPONSE <= message.code < _FIRST_SIGNAL:
            return self._asking.receive(message, address, now)
        self.reset(message, address)
        return None

    def respond(self, request: Request[Peer], answer: Answer, *, now: float) -> bool:
        """Answer a request; say whether that was all, or the rest is to be fetched."""
        return self._serving.respond(request, answer, now=now)

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
        token: bytes = b"",
        adopted: bool = False,
        now: float,
    ) -> Exchange[Peer]:
        """Send a confirmable request; a payload over 16 << szx bytes goes in blocks.

        ``token`` is given by those who have to know it, and unique for a peer; without
        it a request gets one of its own. One that is ``adopted`` was sent by another
        endpoint of ours, and acknowledged: nothing is sent, `resume` it. How many a
        peer is asked at once is up to the caller (NSTART); where far too much is under
        way, the exchange fails at the next `tick`.
        """
        return self._asking.request(
            address,
            code,
            path=path,
            queries=queries,
            options=options,
            payload=payload,
            szx=szx,
            token=token,
            adopted=adopted,
            now=now,
        )

    def resume(
        self, exchange: Exchange[Peer], message: Message, *, now: float
    ) -> Reply[Peer] | Failure[Peer] | None:
        """Go on with a request that was adopted, by what its peer has said to it."""
        if message.code == Code.EMPTY:
            return None
        return self._exchanges.respond(exchange, message, now, adopted=True)

    def repeat(self, exchange: Exchange[Peer], *, now: float) -> None:
        """Repeat a request of ours at once: its peer may not have heard it so far."""
        self._exchanges.repeat(exchange, now)

    def cancel(self, exchange: Exchange[Peer]) -> None:
        """Give up a request of ours; an answer to it is not known any more."""
        self._exchanges.cancel(exchange)

    def lost(self, address: Peer) -> list[Failure[Peer]]:
        """Take it that nothing will come from a peer; return what it leaves open."""
        return self._exchanges.lost(address)

    def accept(self, notification: Notification[Peer], *, now: float) -> None:
        """Take note of a notification; a confirmable one is acknowledged."""
        self._asking.accept(notification, now=now)

    def reject(self, notification: Notification[Peer], *, now: float) -> None:
        """Tell a peer that what it notifies is not observed (RFC 7641 §3.2)."""
        self._asking.reject(notification, now=now)

    def leave(self, notification: Notification[Peer]) -> None:
        """Leave a notification unanswered: its repetition is a new one."""
        self._asking.leave(notification)

    def fetch_rest(
        self,
        notification: Notification[Peer],
        code: Code = Code.GET,
        *,
        path: Sequence[str] = (),
        queries: Sequence[str] = (),
        options: Sequence[tuple[int, bytes]] = (),
        payload: bytes = b"",
        now: float,
    ) -> Exchange[Peer]:
        """Accept a partial notification, and ask for its rest as it was asked for.

        The options are those of the request that began the observation, without
        Observe. The reply has the whole body, and the number of its notification: when
        a newer one comes meanwhile, that is accepted and read instead (RFC 7959 §2.6).
        """
        return self._asking.fetch_rest(
            notification,
            code,
            path=path,
            queries=queries,
            options=options,
            payload=payload,
            now=now,
        )

    def tick(self, now: float) -> list[Failure[Peer]]:
        """Do what is due; return the requests of ours that came to nothing."""
        return self._exchanges.tick(now)

    def next_deadline(self) -> float | None:
        """Return when `tick` has something to do, if ever."""
        return self._exchanges.next_deadline()

    def _receive_empty(
        self, message: Message, address: Peer, now: float
    ) -> Failure[Peer] | Stray[Peer] | None:
        match message.type:
            case Type.CON:
                self.reset(message, address)  # a ping (RFC 7252 §4.3)
            case Type.ACK:
                if not self._exchanges.acknowledged(address, message.message_id, now):
                    return Stray(message, address)
            case Type.RST:
                failure = self._exchanges.reset(address, message.message_id)
                return failure or Stray(message, address)
        return None

    def _reject_undecoded(self, datagram: bytes, address: Peer) -> None:
        """Reset a confirmable message whose header is good (RFC 7252 §4.2)."""
        if len(datagram) >= codec.HEADER_LENGTH and datagram[0] & 0xF0 == _CON:
            message_id = int.from_bytes(datagram[2:4], "big")
            self.send(codec.encode_empty(Type.RST, message_id), address)
