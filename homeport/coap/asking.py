"""The asking half of an endpoint: our requests, and whatever peers answer or notify."""

import random
from collections.abc import Sequence
from typing import Generic

from homeport.coap import checks, codec
from homeport.coap.blockwise import BERT, LARGEST_SZX
from homeport.coap.codec import Code, Message, Option, Options, Type
from homeport.coap.conversation import Conversation
from homeport.coap.exchange import Exchange, Failure, Reply
from homeport.coap.exchanges import Exchanges
from homeport.coap.messages import Messages, Peer
from homeport.coap.requests import Notification, Stray

_RESPONSES = 1 << 16
"""Ids of responses are kept apart from those of requests: a device that puts an id of
ours on one may have used it itself before (COAP-5)."""
_NO_ID = 0
"""The id of what came without one, over a connection, where nothing comes twice."""


class Asking(Generic[Peer]):
    """Requests of ours, and what becomes of them."""

    def __init__(
        self,
        messages: Messages[Peer],
        chance: random.Random,
        *,
        largest_szx: int,
        largest_response: int,
    ) -> None:
        self._messages = messages
        self._largest_szx = largest_szx
        self._largest_response = largest_response
        self.exchanges: Exchanges[Peer] = Exchanges(
            messages, chance, in_order=largest_szx == BERT
        )

    def request(
        self,
        address: Peer,
        code: Code,
        *,
        path: Sequence[str],
        queries: Sequence[str],
        options: Sequence[tuple[int, bytes]],
        payload: bytes,
        szx: int,
        token: bytes,
        adopted: bool,
        now: float,
    ) -> Exchange[Peer]:
        """Send a confirmable request, unless it is adopted."""
        said = _named(path, queries, options)
        conversation = self._conversation(code, said, payload, szx)
        return self.exchanges.begin(
            address, conversation, token=token, adopted=adopted, now=now
        )

    def fetch_rest(
        self,
        notification: Notification[Peer],
        code: Code,
        *,
        path: Sequence[str],
        queries: Sequence[str],
        options: Sequence[tuple[int, bytes]],
        payload: bytes,
        now: float,
    ) -> Exchange[Peer]:
        """Accept a notification and read the rest of it."""
        self.accept(notification, now=now)
        said = _named(path, queries, options)
        return self.exchanges.follow(
            notification.address,
            self._conversation(code, said, payload),
            notification.message,
            now=now,
        )

    def receive(
        self, message: Message, address: Peer, now: float
    ) -> Reply[Peer] | Failure[Peer] | Notification[Peer] | Stray[Peer] | None:
        """Take a response; None when it has been dealt with."""
        if message.type == Type.RST or self._is_repeated(message, address, now):
            return None
        exchange = self.exchanges.match(address, message)
        unclear = checks.has_unknown_critical(message)
        if exchange is None and message.type == Type.ACK:
            return None if unclear else Stray(message, address)
        if exchange is None and message.token:
            notification = Notification(message, address)
            if not unclear:
                return notification
            self.reject(notification, now=now)
            return None
        if exchange is None or unclear:
            self.leave(Notification(message, address))
            self._messages.reset(message, address)
            return None if exchange is None else self.exchanges.refuse(exchange)
        if message.type == Type.CON:
            self._acknowledge(message, address, now)
        return self.exchanges.respond(exchange, message, now)

    def accept(self, notification: Notification[Peer], *, now: float) -> None:
        """Acknowledge a notification, once, if it is a confirmable one."""
        message, address = notification.message, notification.address
        known_as = message.message_id | _RESPONSES
        if message.type == Type.CON and not self._messages.settled(
            address, known_as, now=now
        ):
            self._acknowledge(message, address, now)

    def reject(self, notification: Notification[Peer], *, now: float) -> None:
        """Reset a notification: its peer observes that for us no more."""
        message = notification.message
        self._messages.settle(
            notification.address,
            message.message_id | _RESPONSES,
            codec.encode_empty(Type.RST, message.message_id),
            now=now,
        )

    def leave(self, notification: Notification[Peer]) -> None:
        """Leave a notification undecided: its repetition is a new one."""
        known_as = notification.message.message_id | _RESPONSES
        self._messages.forget(notification.address, known_as)

    def _is_repeated(self, message: Message, address: Peer, now: float) -> bool:
        """Say whether a message was here before; an acknowledgement does no harm."""
        nameless = message.type == Type.NON and message.message_id == _NO_ID
        if nameless or message.type == Type.ACK:
            return False
        known_as = message.message_id | _RESPONSES
        return self._messages.repeated(address, known_as, now=now)

    def _acknowledge(self, message: Message, address: Peer, now: float) -> None:
        acknowledgement = codec.encode_empty(Type.ACK, message.message_id)
        known_as = message.message_id | _RESPONSES
        self._messages.settle(address, known_as, acknowledgement, now=now)

    def _conversation(
        self, code: Code, options: Options, payload: bytes, szx: int = LARGEST_SZX
    ) -> Conversation:
        return Conversation(
            code,
            options,
            payload,
            min(szx, LARGEST_SZX),
            largest_szx=self._largest_szx,
            largest=self._largest_response,
        )


def _named(
    path: Sequence[str], queries: Sequence[str], options: Sequence[tuple[int, bytes]]
) -> Options:
    segments = [(Option.URI_PATH, segment.encode()) for segment in path]
    asked = [(Option.URI_QUERY, query.encode()) for query in queries]
    return (*segments, *asked, *options)
