"""All requests of ours that are under way: repeated until answered, each ends once."""

import heapq
import random
from typing import Generic, TypeVar

from homeport.coap import codec
from homeport.coap.codec import Message, Option, Type
from homeport.coap.conversation import Conversation, Turn
from homeport.coap.exchange import Cause, Exchange, Failure, Reply, State
from homeport.coap.messages import Messages, Peer
from homeport.coap.observing import is_newer
from homeport.errors import InvalidMessage

ACK_TIMEOUT_SECONDS = 2.0
ACK_RANDOM_FACTOR = 1.5
MAX_RETRANSMIT = 4
RESPONSE_SECONDS = 93.0
"""How long an acknowledged request waits for its response: MAX_TRANSMIT_WAIT."""
TOKEN_LENGTH = 4
MOST_OF_ONE = 16
"""Exchanges with one peer at once."""
MOST_BYTES = 64 * 2**20
"""Bodies of all exchanges, both ways."""

Key = TypeVar("Key")


class Exchanges(Generic[Peer]):
    """The exchanges that this side has begun, found by message id, token and peer.

    ``in_order`` says that what peers send comes in its order, over connections.
    """

    def __init__(
        self, messages: Messages[Peer], chance: random.Random, *, in_order: bool
    ) -> None:
        self._in_order = in_order
        self._messages = messages
        self._chance = chance
        self._by_id: dict[tuple[Peer, int], Exchange[Peer]] = {}
        self._by_token: dict[tuple[Peer, bytes], Exchange[Peer]] = {}
        self._by_peer: dict[Peer, dict[Exchange[Peer], None]] = {}
        self._deadlines: list[tuple[float, int, Exchange[Peer]]] = []
        self._pushed = 0
        self._bytes = 0

    def begin(
        self,
        address: Peer,
        conversation: Conversation,
        *,
        token: bytes = b"",
        adopted: bool = False,
        now: float,
    ) -> Exchange[Peer]:
        """Send a confirmable request, under a token of its own unless one is given.

        One that is ``adopted`` others have sent, and its peer has acknowledged.
        """
        token = token or self._new_token(address)
        exchange = Exchange(address, token, conversation, token)
        if not adopted:
            self._open(exchange, now)
        elif self._admit(exchange, now):
            self._expect_response(exchange, now)
        return exchange

    def follow(
        self,
        address: Peer,
        conversation: Conversation,
        notification: Message,
        *,
        now: float,
    ) -> Exchange[Peer]:
        """Read the rest of what a notification tells."""
        token = notification.token
        exchange = Exchange(address, token, conversation, token)
        try:
            conversation.renew(notification)
        except InvalidMessage:
            self._doom(exchange, Cause.MALFORMED, now)
        else:
            self._open(exchange, now)
        return exchange

    def cancel(self, exchange: Exchange[Peer]) -> None:
        """End an exchange whose outcome nobody wants any more."""
        exchange.state, exchange.datagram = State.OVER, b""
        exchange.conversation.end()
        self._weigh(exchange)
        address = exchange.address
        _release(self._by_id, (address, exchange.message_id), exchange)
        for token in {exchange.token, exchange.asking}:
            _release(self._by_token, (address, token), exchange)
        others = self._by_peer.get(address, {})
        others.pop(exchange, None)
        if not others:
            self._by_peer.pop(address, None)

    def repeat(self, exchange: Exchange[Peer], now: float) -> None:
        """Send a message again at once whose peer may have been deaf until now.

        It is one of its repetitions (RFC 7252 §4.2). One that may still be on its way
        is not sent again.
        """
        if (
            exchange.state is State.SENT
            and exchange.attempts <= MAX_RETRANSMIT
            and now >= exchange.sent_at + ACK_TIMEOUT_SECONDS
        ):
            self._messages.send(exchange.datagram, exchange.address)
            self._wait(exchange, now)

    def lost(self, address: Peer) -> list[Failure[Peer]]:
        """End all exchanges with a peer from which nothing comes any more."""
        exchanges = list(self._by_peer.get(address, ()))
        return [self._fail(exchange, Cause.LOST) for exchange in exchanges]

    def acknowledged(self, address: Peer, message_id: int, now: float) -> bool:
        """Take an empty acknowledgement: the response comes later (RFC 7252 §5.2.2).

        False where nothing is under way that it is about.
        """
        exchange = self._by_id.get((address, message_id))
        if exchange is not None and exchange.state is State.SENT:
            self._expect_response(exchange, now)
        return exchange is not None

    def reset(self, address: Peer, message_id: int) -> Failure[Peer] | None:
        """Take a reset: the peer cannot process the request (RFC 7252 §4.2)."""
        exchange = self._by_id.get((address, message_id))
        return None if exchange is None else self._fail(exchange, Cause.RESET)

    def match(self, address: Peer, message: Message) -> Exchange[Peer] | None:
        """Return the exchange that a response belongs to (RFC 7252 §5.3.2).

        An Izuma device leaves the token out of some piggybacked ones (COAP-12). What
        an observation tells while it is being ended is no answer to that.
        """
        if message.type == Type.ACK:
            exchange = self._by_id.get((address, message.message_id))
            if exchange is None or message.token not in (exchange.asking, b""):
                return None
            return exchange
        exchange = self._by_token.get((address, message.token))
        if exchange is None:
            return None
        ends = exchange.conversation.ends_observation
        return None if ends and message.number(Option.OBSERVE) else exchange

    def respond(
        self,
        exchange: Exchange[Peer],
        message: Message,
        now: float,
        *,
        adopted: bool = False,
    ) -> Reply[Peer] | Failure[Peer] | None:
        """Take a response; None when more is to go or to come.

        That to a request that is ``adopted`` may be about any of its messages.
        """
        try:
            outcome = (
                exchange.conversation.resume(message)
                if adopted
                else self._hear(exchange, message, now)
            )
        except InvalidMessage as error:
            return self._fail(exchange, Cause.MALFORMED, str(error))
        if isinstance(outcome, Message):
            self.cancel(exchange)
            return Reply(exchange, outcome)
        if outcome is Turn.NEXT:
            self._weigh(exchange)
            if self._bytes > MOST_BYTES:
                return self._fail(exchange, Cause.CROWDED)
            self._transmit(exchange, now)
        return None

    def refuse(self, exchange: Exchange[Peer]) -> Failure[Peer]:
        """End an exchange whose response has what may not be passed over."""
        reason = "was answered with an option that nobody knows"
        return self._fail(exchange, Cause.MALFORMED, reason)

    def tick(self, now: float) -> list[Failure[Peer]]:
        """Repeat what is due; return what nobody answered."""
        failures = []
        while self._deadlines and self._deadlines[0][0] <= now:
            deadline, _, exchange = heapq.heappop(self._deadlines)
            if exchange.deadline != deadline:
                continue
            match exchange.state:
                case State.DOOMED:
                    failures.append(self._fail(exchange, exchange.doom))
                case State.ACKNOWLEDGED:
                    failures.append(self._fail(exchange, Cause.UNANSWERED))
                case State.SENT if exchange.attempts > MAX_RETRANSMIT:
                    failures.append(self._fail(exchange, Cause.UNACKNOWLEDGED))
                case State.SENT:
                    self._messages.send(exchange.datagram, exchange.address)
                    self._wait(exchange, now)
        return failures

    def next_deadline(self) -> float | None:
        """Return when `tick` has something to do, if ever."""
        while self._deadlines:
            deadline, _, exchange = self._deadlines[0]
            if exchange.state is not State.OVER and exchange.deadline == deadline:
                return deadline
            heapq.heappop(self._deadlines)
        return None

    def _hear(
        self, exchange: Exchange[Peer], message: Message, now: float
    ) -> Message | Turn:
        """Take a response, or what an observation tells anew while it is being read.

        What comes in order is newer whatever its number is: most peers send the same
        one with each, or none at all (RFC 8323 §7.1).
        """
        conversation, told = exchange.conversation, exchange.conversation.observed
        anew = message.token == exchange.token != exchange.asking
        if told is None or not anew:
            return conversation.hear(message)
        waited = now - exchange.told_at
        if not self._in_order and not is_newer(message, told, seconds=waited):
            return Turn.STALE
        exchange.told_at = now
        return conversation.renew(message)

    def _open(self, exchange: Exchange[Peer], now: float) -> None:
        """Send the first message, unless there are too many exchanges."""
        if self._admit(exchange, now):
            self._transmit(exchange, now)

    def _admit(self, exchange: Exchange[Peer], now: float) -> bool:
        """Know an exchange from here on, unless there are too many."""
        others = self._by_peer.setdefault(exchange.address, {})
        self._weigh(exchange)
        if len(others) >= MOST_OF_ONE or self._bytes > MOST_BYTES:
            self._doom(exchange, Cause.CROWDED, now)
            return False
        others[exchange] = None
        self._by_token[exchange.address, exchange.token] = exchange
        return True

    def _doom(self, exchange: Exchange[Peer], doom: Cause, now: float) -> None:
        self.cancel(exchange)
        exchange.state, exchange.doom = State.DOOMED, doom
        self._set_deadline(exchange, now)

    def _weigh(self, exchange: Exchange[Peer]) -> None:
        weight = exchange.conversation.weight
        self._bytes += weight - exchange.weight
        exchange.weight = weight

    def _transmit(self, exchange: Exchange[Peer], now: float) -> None:
        """Send the next message; only an observation's rest has a token of its own."""
        address, conversation = exchange.address, exchange.conversation
        if conversation.observed is not None and exchange.asking == exchange.token:
            exchange.told_at = now
            exchange.asking = self._new_token(address)
            self._by_token[address, exchange.asking] = exchange
        _release(self._by_id, (address, exchange.message_id), exchange)
        exchange.message_id = self._messages.new_message_id(address, now=now)
        self._by_id[address, exchange.message_id] = exchange
        exchange.state = State.SENT
        exchange.datagram = codec.encode(
            Message(
                Type.CON,
                conversation.code,
                exchange.message_id,
                exchange.asking,
                *conversation.say(),
            )
        )
        exchange.attempts = 0
        exchange.timeout = ACK_TIMEOUT_SECONDS * self._chance.uniform(
            1, ACK_RANDOM_FACTOR
        )
        self._messages.send(exchange.datagram, address)
        self._wait(exchange, now)

    def _expect_response(self, exchange: Exchange[Peer], now: float) -> None:
        exchange.state = State.ACKNOWLEDGED
        self._set_deadline(exchange, now + RESPONSE_SECONDS)

    def _new_token(self, address: Peer) -> bytes:
        token = self._chance.randbytes(TOKEN_LENGTH)
        while (address, token) in self._by_token:
            token = self._chance.randbytes(TOKEN_LENGTH)
        return token

    def _wait(self, exchange: Exchange[Peer], now: float) -> None:
        exchange.attempts += 1
        self._set_deadline(exchange, now + exchange.timeout)
        exchange.timeout *= 2

    def _set_deadline(self, exchange: Exchange[Peer], deadline: float) -> None:
        exchange.deadline = deadline
        self._pushed += 1
        heapq.heappush(self._deadlines, (deadline, self._pushed, exchange))

    def _fail(
        self, exchange: Exchange[Peer], cause: Cause, reason: str = ""
    ) -> Failure[Peer]:
        self.cancel(exchange)
        return Failure(exchange, cause, reason or cause.value)


def _release(
    found: dict[Key, Exchange[Peer]], key: Key, exchange: Exchange[Peer]
) -> None:
    """Let go of a key, unless another exchange has it by now."""
    if found.get(key) is exchange:
        del found[key]
