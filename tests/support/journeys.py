"""Datagrams that are lost, late, doubled and overtaken, between a layer and a model."""

import heapq
import random
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from itertools import chain, count, cycle, islice, repeat

from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option, Options, Type
from homeport.coap.layer import Failure, MessageLayer, Reply

DEVICE = "device"
LOST: tuple[float, ...] = ()
AT_ONCE = (0.0,)
BAD_TIMES = 60
"""Datagrams of a journey to which something may happen."""
_MESSAGES = 2_000
_REPEATS = (2.0, 6.0, 14.0, 30.0)


class Manner(Enum):
    """How a device answers."""

    PIGGYBACKED = auto()
    SEPARATE = auto()
    """An empty acknowledgement, then a confirmable response."""
    UNACKNOWLEDGED = auto()
    """A confirmable response at once, which stands for the acknowledgement."""
    FORGETFUL = auto()
    """The same, and a request that comes again is a new one."""


class ModelDevice:
    """A device by the book, and none of our code: blocks, repetitions, one memory.

    It writes what is put, and serves its bodies: the second one after so many reads.
    """

    def __init__(
        self,
        manner: Manner,
        *,
        szx: int = 6,
        bodies: Sequence[bytes] = (b"",),
        change: int = 0,
    ) -> None:
        self.written: list[bytes] = []
        self._manner = manner
        self._size, self._szx = 16 << szx, szx
        self._bodies = bodies
        self._change = change
        self._reads = 0
        self._body = b""
        self._known: dict[int, list[bytes]] = {}
        self._unacknowledged: set[int] = set()
        self._ids = count(0x8000)

    def take(self, datagram: bytes) -> list[tuple[float, bytes, int | None]]:
        """Return what it says: after how long, and unless which id is acknowledged."""
        message = codec.decode(datagram)
        if message.code == Code.EMPTY:
            self._unacknowledged.discard(message.message_id)
            return []
        if message.message_id in self._known:
            return [(0.0, each, None) for each in self._known[message.message_id]]
        code, options, payload = self._answer(message)
        return self._say(message, code, options, payload)

    def repeats(self, message_id: int) -> bool:
        return message_id in self._unacknowledged

    def _answer(self, asked: Message) -> tuple[Code, Options, bytes]:
        if asked.code == Code.PUT:
            return self._write(asked)
        value = asked.number(Option.BLOCK2) or 0
        number = value >> 4
        body = self._bodies[self._reads >= self._change > 0]
        self._reads += 1
        begin, end = number * self._size, (number + 1) * self._size
        block = number << 4 | (end < len(body)) << 3 | self._szx
        etag = (Option.ETAG, bytes([body[0]]))
        option = (Option.BLOCK2, block.to_bytes(3, "big").lstrip(b"\0"))
        return Code.CONTENT, (etag, option), body[begin:end]

    def _write(self, asked: Message) -> tuple[Code, Options, bytes]:
        value = asked.number(Option.BLOCK1) or 0
        offset, more = (value >> 4) * (16 << (value & 7)), bool(value & 8)
        echo = (Option.BLOCK1, value.to_bytes(3, "big").lstrip(b"\0"))
        if offset != len(self._body) and offset:
            return Code.REQUEST_ENTITY_INCOMPLETE, (echo,), b""
        self._body = self._body[:offset] + asked.payload
        if more:
            return Code.CONTINUE, (echo,), b""
        self.written.append(self._body)
        return Code.CHANGED, (echo,), b""

    def _say(
        self,
        asked: Message,
        code: Code,
        options: Options,
        payload: bytes,
    ) -> list[tuple[float, bytes, int | None]]:
        kind, message_id = Type.ACK, asked.message_id
        acknowledgement = codec.encode_empty(Type.ACK, asked.message_id)
        if self._manner is not Manner.PIGGYBACKED:
            kind, message_id = Type.CON, next(self._ids)
        response = codec.encode(
            Message(kind, code, message_id, asked.token, options, payload)
        )
        if kind is Type.ACK:
            self._known[asked.message_id] = [response]
            return [(0.0, response, None)]
        if self._manner is Manner.FORGETFUL:
            return [(0.0, response, None)]
        self._unacknowledged.add(message_id)
        said: list[tuple[float, bytes, int | None]] = [(0.0, response, None)]
        self._known[asked.message_id] = []
        if self._manner is Manner.SEPARATE:
            self._known[asked.message_id] = [acknowledgement]
            said.insert(0, (0.0, acknowledgement, None))
        return said + [(after, response, message_id) for after in _REPEATS]


class Journey:
    """A layer, a device, and what becomes of each datagram between them, in turn.

    A fate is how many seconds late each copy of a datagram arrives; one without any is
    lost. They come round again for a while; after that all datagrams arrive at once.
    """

    def __init__(self, device: ModelDevice, fates: Sequence[tuple[float, ...]]) -> None:
        self.device = device
        bad_times = islice(cycle(fates), BAD_TIMES)
        self._fates: Iterator[tuple[float, ...]] = chain(bad_times, repeat(AT_ONCE))
        self._layer: MessageLayer[str] = MessageLayer(chance=random.Random(1))
        self._now = 1_000.0
        self._events: list[tuple[float, int, bool, bytes, int | None]] = []
        self._numbers = count()
        self._outcomes: list[Reply[str] | Failure[str]] = []

    def run(
        self, code: Code, *, payload: bytes = b"", szx: int = 6
    ) -> Reply[str] | Failure[str]:
        """Let a request go its way; return its only outcome, once all is quiet."""
        exchange = self._layer.request(
            DEVICE, code, path=("3",), payload=payload, szx=szx, now=self._now
        )
        for _ in range(_MESSAGES):
            self._post()
            if not self._advance():
                break
        else:
            raise AssertionError("it goes on for ever")
        (outcome,) = self._outcomes
        assert outcome.exchange is exchange
        table = self._layer._exchanges
        assert not any((table._by_id, table._by_token, table._by_peer, table._bytes))
        return outcome

    def _post(self) -> None:
        """Send what the layer has to say."""
        for datagram, _ in self._layer.datagrams():
            self._send(datagram, 0.0, to_device=True, unless=None)

    def _send(
        self, datagram: bytes, after: float, *, to_device: bool, unless: int | None
    ) -> None:
        if unless is not None:
            self._put(after, datagram, to_device=to_device, unless=unless)
            return
        for late in next(self._fates):
            self._put(after + late, datagram, to_device=to_device, unless=None)

    def _put(
        self, after: float, datagram: bytes, *, to_device: bool, unless: int | None
    ) -> None:
        due = self._now + after
        heapq.heappush(
            self._events, (due, next(self._numbers), to_device, datagram, unless)
        )

    def _advance(self) -> bool:
        """Do the next thing that is due; False when nothing is."""
        deadline = self._layer.next_deadline()
        due = self._events[0][0] if self._events else None
        if deadline is None and due is None:
            return False
        if due is None or (deadline is not None and deadline < due):
            self._now = max(self._now, deadline or 0.0)
            self._outcomes += self._layer.tick(self._now)
            return True
        self._now, _, to_device, datagram, unless = heapq.heappop(self._events)
        if unless is not None:
            if self.device.repeats(unless):
                self._send(datagram, 0.0, to_device=False, unless=None)
        elif to_device:
            for after, said, condition in self.device.take(datagram):
                self._send(said, after, to_device=False, unless=condition)
        else:
            outcome = self._layer.receive(datagram, DEVICE, self._now)
            if isinstance(outcome, Reply | Failure):
                self._outcomes.append(outcome)
        return True
