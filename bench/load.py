"""A load generator: many sockets, a window of requests, repetitions like a device's.

A socket sends each message id once, so that no update is taken for a repeated one.
"""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option, Type

SOCKETS = 64
WINDOW = 256
REPEAT_SECONDS = 2.0
BUFFER_BYTES = 2**21
LINKS = (
    b'</>;rt="oma.lwm2m";ct=11542,</1/0>,</3/0/0>,</3/0/1>,</3/0/2>,</3/0/9>;obs,'
    b"</3/0/13>;obs,</3303/0/5700>;obs,</3303/0/5701>,</5/0/3>;obs"
)

BLOCK_SZX = 5
BLOCK_BYTES = 1 << BLOCK_SZX + 4

Build = Callable[[int], bytes]
"""Makes a request with a message id."""


Generator = TypeVar("Generator", bound="Load")


@dataclass(slots=True)
class Outcome:
    """What came of a load; latencies in seconds, repetitions included."""

    seconds: float = 0.0
    codes: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    repeated: int = 0

    def percentile(self, percent: int) -> float:
        """Return the latency that so many percent stay below."""
        ordered = sorted(self.latencies)
        return ordered[(len(ordered) - 1) * percent // 100]


@dataclass(slots=True)
class _Sent:
    number: int
    datagram: bytes
    since: float
    repeat_at: float


class Load:
    """Sends requests to one server."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname, parts.port)
        self._loop = asyncio.get_running_loop()
        self._sockets: list[socket.socket] = []
        self._next_ids = [0] * SOCKETS
        self._sent: dict[tuple[int, int], _Sent] = {}
        self._room = asyncio.Event()
        self._outcome = Outcome()
        self._answers: dict[int, Message] | None = None

    def open(self) -> None:
        """Open the sockets."""
        for index in range(SOCKETS):
            opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            opened.setblocking(False)
            self._loop.add_reader(opened, self._read, index, opened)
            self._sockets.append(opened)

    def close(self) -> None:
        """Close the sockets."""
        for opened in self._sockets:
            self._loop.remove_reader(opened)
            opened.close()

    def wrap(self, number: int, message: bytes) -> bytes:
        """Make the datagram of the request with a number."""
        del number
        return message

    def unwrap(self, datagram: bytes) -> bytes:
        """Return the message in a datagram."""
        return datagram

    async def register(
        self, names: Iterable[str], *, lifetime: int = 86_400
    ) -> list[str]:
        """Register devices; return their registration ids, in order."""
        self._answers = {}
        wanted = list(names)
        await self.run(registration(name, lifetime) for name in wanted)
        answers, self._answers = self._answers, None
        return [answers[number].location[1] for number in range(len(wanted))]

    async def run(
        self, requests: Iterable[Build], *, rate: float | None = None
    ) -> Outcome:
        """Send requests, ``rate`` a second or as fast as they are answered."""
        self._outcome = Outcome()
        started = self._loop.time()
        for number, build in enumerate(requests):
            if rate is not None:
                await self._pace(started + number / rate)
            while len(self._sent) >= WINDOW:
                await self._wait()
            self._send(number, build)
        while self._sent:
            await self._wait()
        self._outcome.seconds = self._loop.time() - started
        return self._outcome

    async def _pace(self, due: float) -> None:
        while (left := due - self._loop.time()) > 0:
            await asyncio.sleep(max(left, 0.001))

    async def _wait(self) -> None:
        self._room.clear()
        try:
            await asyncio.wait_for(self._room.wait(), 0.2)
        except TimeoutError:
            self._repeat()

    def _send(self, number: int, build: Build) -> None:
        index = number % SOCKETS
        message_id = self._next_ids[index] = (self._next_ids[index] + 1) & 0xFFFF
        datagram, now = build(message_id), time.perf_counter()
        self._sent[index, message_id] = _Sent(
            number, datagram, now, now + REPEAT_SECONDS
        )
        self._sockets[index].sendto(self.wrap(number, datagram), self._server)

    def _repeat(self) -> None:
        now = time.perf_counter()
        for (index, _), sent in self._sent.items():
            if now >= sent.repeat_at:
                sent.repeat_at = now + REPEAT_SECONDS
                self._outcome.repeated += 1
                wrapped = self.wrap(sent.number, sent.datagram)
                self._sockets[index].sendto(wrapped, self._server)

    def _read(self, index: int, opened: socket.socket) -> None:
        while True:
            try:
                datagram = opened.recv(2_048)
            except BlockingIOError:
                break
            datagram = self.unwrap(datagram)
            sent = self._sent.pop((index, datagram[2] << 8 | datagram[3]), None)
            if sent is None:
                continue
            self._outcome.codes[codec.code_text(datagram[1])] += 1
            self._outcome.latencies.append(time.perf_counter() - sent.since)
            if self._answers is not None:
                self._answers[sent.number] = codec.decode(datagram)
        self._room.set()


@asynccontextmanager
async def load(url: str) -> AsyncIterator[Load]:
    """Open a load generator towards a server."""
    async with opened(Load(url)) as made:
        yield made


@asynccontextmanager
async def opened(made: Generator) -> AsyncIterator[Generator]:
    """Open a load generator."""
    made.open()
    try:
        yield made
    finally:
        made.close()


def renewal(location: str) -> Build:
    """Make an update that says nothing but "I am still here"."""
    head, tail = b"\x44\x02", b"\x01\x02\x03\x04\xb2rd\x0d\x23" + location.encode()
    return lambda message_id: head + message_id.to_bytes(2, "big") + tail


def renewals(locations: list[str], count: int) -> Iterable[Build]:
    """Make so many updates, of one device after the other."""
    return (renewal(locations[number % len(locations)]) for number in range(count))


def departure(location: str) -> Build:
    """Make a De-register."""
    options = (
        (int(Option.URI_PATH), b"rd"),
        (int(Option.URI_PATH), location.encode()),
    )
    return lambda message_id: codec.encode(
        Message(Type.CON, Code.DELETE, message_id, b"\x01", options)
    )


def registration(
    name: str,
    lifetime: int,
    links: bytes = LINKS,
    *further: tuple[int, bytes],
) -> Build:
    """Make a Register of a device; if nothing else is said, with nine links."""
    options = (
        (int(Option.URI_PATH), b"rd"),
        (int(Option.CONTENT_FORMAT), b"\x28"),
        *(
            (int(Option.URI_QUERY), query.encode())
            for query in (f"ep={name}", f"lt={lifetime}", "lwm2m=1.1", "b=U")
        ),
        *further,
    )
    return lambda message_id: codec.encode(
        Message(Type.CON, Code.POST, message_id, b"\x01", options, links)
    )


def parts(name: str, lifetime: int, links: bytes) -> list[Build]:
    """Make a Register in blocks of 512 bytes, as an Izuma client does."""
    made = []
    for start in range(0, len(links), BLOCK_BYTES):
        more = start + BLOCK_BYTES < len(links)
        block = (start // BLOCK_BYTES) << 4 | more << 3 | BLOCK_SZX
        part = links[start : start + BLOCK_BYTES]
        option = (int(Option.BLOCK1), block.to_bytes(1, "big"))
        made.append(registration(name, lifetime, part, option))
    return made
