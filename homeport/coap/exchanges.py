"""Our own requests to a peer: repeated until answered, in blocks where they are large.

An exchange stands in one of three places::

    SENT ──acknowledged──▶ ACKNOWLEDGED ──response──▶ OVER
      └────────response, reset, nobody answers──────────┘
"""

import heapq
import random
import secrets
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Generic, TypeVar

from homeport.coap import blockwise, codec
from homeport.coap.blockwise import LARGEST_BODY, Block
from homeport.coap.codec import Code, Message, Option, Options, Type
from homeport.errors import InvalidMessage

ACK_TIMEOUT_SECONDS = 2.0
ACK_RANDOM_FACTOR = 1.5
MAX_RETRANSMIT = 4
RESPONSE_SECONDS = 93.0
"""How long an acknowledged request waits for its response: MAX_TRANSMIT_WAIT."""
TOKEN_LENGTH = 4

Peer = TypeVar("Peer", bound=Hashable)
"""How a caller tells its peers apart: an address, or whatever leads to one."""


class _State(Enum):
    SENT = auto()
    ACKNOWLEDGED = auto()
    OVER = auto()


@dataclass(slots=True, eq=False)
class Exchange(Generic[Peer]):
    """A request of ours under way; its caller only compares it."""

    address: Peer
    code: Code
    options: Options
    body: bytes
    szx: int
    token: bytes = field(default_factory=lambda: secrets.token_bytes(TOKEN_LENGTH))
    offset: int = 0
    received: bytes = b""
    message_id: int = 0
    datagram: bytes = b""
    state: _State = _State.SENT
    deadline: float = 0.0
    timeout: float = 0.0
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Reply(Generic[Peer]):
    """The response to a request of ours, with its whole body."""

    exchange: Exchange[Peer]
    message: Message


@dataclass(frozen=True, slots=True)
class Failure(Generic[Peer]):
    """A request of ours came to nothing."""

    exchange: Exchange[Peer]
    reason: str


class Exchanges(Generic[Peer]):
    """All exchanges that this side has begun; ``send`` takes what is to be sent."""

    def __init__(
        self,
        send: Callable[[bytes, Peer], None],
        *,
        chance: random.Random,
        largest_szx: int,
    ) -> None:
        self._send = send
        self._chance = chance
        self._largest_szx = largest_szx
        self._next_id = chance.randrange(65_536)
        self._by_id: dict[tuple[Peer, int], Exchange[Peer]] = {}
        self._by_token: dict[tuple[Peer, bytes], Exchange[Peer]] = {}
        self._deadlines: list[tuple[float, int, Exchange[Peer]]] = []
        self._pushed = 0

    def begin(
        self,
        address: Peer,
        code: Code,
        *,
        options: Sequence[tuple[int, bytes]],
        payload: bytes,
        szx: int,
        now: float,
    ) -> Exchange[Peer]:
        """Send a confirmable request."""
        exchange = Exchange(address, code, tuple(options), payload, szx)
        self._by_token[address, exchange.token] = exchange
        self._transmit(exchange, now)
        return exchange

    def cancel(self, exchange: Exchange[Peer]) -> None:
        """End an exchange whose outcome nobody wants any more."""
        exchange.state = _State.OVER
        self._by_token.pop((exchange.address, exchange.token), None)
        self._by_id.pop((exchange.address, exchange.message_id), None)

    def new_message_id(self) -> int:
        """Return the id of a message that is not part of an exchange."""
        self._next_id = (self._next_id + 1) & 0xFFFF
        return self._next_id

    def acknowledged(self, address: Peer, message_id: int, now: float) -> None:
        """Take an empty acknowledgement: the response comes later (RFC 7252 §5.2.2)."""
        exchange = self._by_id.pop((address, message_id), None)
        if exchange is not None and exchange.state is _State.SENT:
            exchange.state = _State.ACKNOWLEDGED
            self._set_deadline(exchange, now + RESPONSE_SECONDS)

    def reset(self, address: Peer, message_id: int) -> Failure[Peer] | None:
        """Take a reset: the peer cannot process the request (RFC 7252 §4.2)."""
        exchange = self._by_id.get((address, message_id))
        return None if exchange is None else self._fail(exchange, "was reset")

    def match(self, address: Peer, message: Message) -> Exchange[Peer] | None:
        """Return the exchange that a response belongs to (RFC 7252 §5.3.2).

        An Izuma device leaves the token out of some piggybacked ones (COAP-12).
        """
        exchange = self._by_token.get((address, message.token))
        if exchange is None and message.type == Type.ACK and not message.token:
            exchange = self._by_id.get((address, message.message_id))
        if (
            exchange is not None
            and message.type == Type.ACK
            and message.message_id != exchange.message_id
        ):
            return None
        return exchange

    def respond(
        self, exchange: Exchange[Peer], message: Message, now: float
    ) -> Reply[Peer] | Failure[Peer] | None:
        """Take a response; None when more blocks are to go or to come."""
        try:
            if self._goes_on(exchange, message, now):
                return None
            if not self._takes(exchange, message):
                self._transmit(exchange, now)
                return None
        except InvalidMessage as error:
            return self._fail(exchange, str(error))
        self.cancel(exchange)
        whole = exchange.received + message.payload
        return Reply(
            exchange,
            Message(
                message.type,
                message.code,
                message.message_id,
                message.token,
                message.options,
                whole,
            ),
        )

    def tick(self, now: float) -> list[Failure[Peer]]:
        """Repeat what is due; return what nobody answered."""
        failures = []
        while self._deadlines and self._deadlines[0][0] <= now:
            deadline, _, exchange = heapq.heappop(self._deadlines)
            if exchange.state is _State.OVER or exchange.deadline != deadline:
                continue
            if exchange.state is _State.ACKNOWLEDGED:
                failures.append(self._fail(exchange, "was acknowledged, not answered"))
            elif exchange.attempts > MAX_RETRANSMIT:
                failures.append(self._fail(exchange, "was not answered"))
            else:
                self._send(exchange.datagram, exchange.address)
                self._wait(exchange, now)
        return failures

    def next_deadline(self) -> float | None:
        """Return when `tick` has something to do, if ever."""
        while self._deadlines:
            deadline, _, exchange = self._deadlines[0]
            if exchange.state is not _State.OVER and exchange.deadline == deadline:
                return deadline
            heapq.heappop(self._deadlines)
        return None

    def _goes_on(self, exchange: Exchange[Peer], message: Message, now: float) -> bool:
        """Send the next block of a large request, if that is what is asked for."""
        asked = self._block(message, Option.BLOCK1)
        size = 16 << exchange.szx
        if message.code == Code.CONTINUE:
            exchange.offset += size
            if asked is not None:
                exchange.szx = min(exchange.szx, asked.szx)
            if exchange.offset >= len(exchange.body):
                raise InvalidMessage("was asked to go on after its last block")
        elif (
            message.code == Code.REQUEST_ENTITY_TOO_LARGE
            and asked is not None
            and asked.szx < exchange.szx
        ):
            exchange.offset, exchange.szx = 0, asked.szx
        else:
            return False
        self._transmit(exchange, now)
        return True

    def _takes(self, exchange: Exchange[Peer], message: Message) -> bool:
        """Keep a block of a large response; False when more are to come."""
        block = self._block(message, Option.BLOCK2)
        if block is None:
            return True
        if block.offset != len(exchange.received):
            raise InvalidMessage("was answered with a block out of order")
        if not block.more:
            return True
        if not block.fits(message.payload):
            raise InvalidMessage("was answered with a block of a wrong size")
        exchange.received += message.payload
        if len(exchange.received) > LARGEST_BODY:
            raise InvalidMessage("was answered with a body that is too large")
        following = Block(len(exchange.received) // block.size, False, block.szx)
        exchange.options = (
            *(each for each in exchange.options if each[0] != Option.BLOCK2),
            (Option.BLOCK2, blockwise.build(following)),
        )
        exchange.body, exchange.offset = b"", 0
        return False

    def _transmit(self, exchange: Exchange[Peer], now: float) -> None:
        """Send the next message of an exchange: all its blocks have one token."""
        self._by_id.pop((exchange.address, exchange.message_id), None)
        exchange.message_id = self.new_message_id()
        self._by_id[exchange.address, exchange.message_id] = exchange
        exchange.state = _State.SENT
        exchange.datagram = codec.encode(self._message(exchange))
        exchange.attempts = 0
        exchange.timeout = ACK_TIMEOUT_SECONDS * self._chance.uniform(
            1, ACK_RANDOM_FACTOR
        )
        self._send(exchange.datagram, exchange.address)
        self._wait(exchange, now)

    def _message(self, exchange: Exchange[Peer]) -> Message:
        size, payload, options = 16 << exchange.szx, exchange.body, exchange.options
        if len(exchange.body) > size:
            end = exchange.offset + size
            payload = exchange.body[exchange.offset : end]
            block = Block(
                exchange.offset // size, end < len(exchange.body), exchange.szx
            )
            options = (*options, (Option.BLOCK1, blockwise.build(block)))
            if exchange.offset == 0:
                length = blockwise.size_option(len(exchange.body))
                options = (*options, (Option.SIZE1, length))
        return Message(
            Type.CON,
            exchange.code,
            exchange.message_id,
            exchange.token,
            options,
            payload,
        )

    def _wait(self, exchange: Exchange[Peer], now: float) -> None:
        exchange.attempts += 1
        self._set_deadline(exchange, now + exchange.timeout)
        exchange.timeout *= 2

    def _set_deadline(self, exchange: Exchange[Peer], deadline: float) -> None:
        exchange.deadline = deadline
        self._pushed += 1
        heapq.heappush(self._deadlines, (deadline, self._pushed, exchange))

    def _fail(self, exchange: Exchange[Peer], reason: str) -> Failure[Peer]:
        self.cancel(exchange)
        return Failure(exchange, reason)

    def _block(self, message: Message, option: int) -> Block | None:
        value = message.value(option)
        if value is None:
            return None
        return blockwise.parse(value, largest=self._largest_szx)
