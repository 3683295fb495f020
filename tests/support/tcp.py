"""A TCP port that answers, and a device that tests play against it, byte by byte."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from homeport.coap.answer import Answer
from homeport.coap.blockwise import BERT
from homeport.coap.codec import Code, Message
from homeport.coap.layer import Failure, MessageLayer, Reply, Request
from homeport.coap.tcp.connection import Connection, Limits
from homeport.coap.tcp.security import Plain, Secure
from homeport.coap.tcp.transport import TcpTransport
from homeport.coap.transport import Arrival

PATIENCE_SECONDS = 10
CSM = bytes.fromhex("00 e1")
OURS = bytes.fromhex("50 e1 23 019480 20")


class Port:
    """A transport, the message layer above it, and what they have taken."""

    def __init__(self, transport: TcpTransport) -> None:
        self.transport = transport
        self.layer: MessageLayer[Connection] = MessageLayer(largest_szx=BERT)
        self.batches: list[Sequence[Arrival[Connection]]] = []
        self.requests: list[Request[Connection]] = []
        self.replies: list[Reply[Connection]] = []
        self.failures: list[Failure[Connection]] = []
        self.left: list[Connection] = []
        self.answers = True
        self.payload = b""

    def receive(self, arrivals: Sequence[Arrival[Connection]], _: float) -> None:
        """Take a batch; answer each request with its own body, or `payload`."""
        now = asyncio.get_running_loop().time()
        self.batches.append(arrivals)
        for arrival in arrivals:
            outcome = self.layer.receive(arrival.message, arrival.peer, now)
            if isinstance(outcome, Request):
                self.requests.append(outcome)
                if self.answers:
                    self.respond(outcome.message, outcome)
            elif isinstance(outcome, Reply):
                self.replies.append(outcome)
        self.transport.send(self.layer.datagrams())

    def gone(self, peer: Connection) -> None:
        """Take it that a connection is closed."""
        self.left.append(peer)
        self.failures += self.layer.lost(peer)

    def respond(self, message: Message, request: Request[Connection]) -> None:
        """Answer one request."""
        answer = Answer(Code.CONTENT, payload=self.payload or message.payload)
        now = asyncio.get_running_loop().time()
        self.layer.respond(request, answer, now=now)

    def ask(self, peer: Connection, path: Sequence[str]) -> None:
        """Send a request to a peer."""
        now = asyncio.get_running_loop().time()
        self.layer.request(peer, Code.GET, path=path, now=now)
        self.transport.send(self.layer.datagrams())


@asynccontextmanager
async def serving(
    *, secure: Secure = Plain, host: str = "127.0.0.1", **limits: float
) -> AsyncIterator[Port]:
    """Open a port on loopback."""
    transport = await TcpTransport.bind(
        host,
        0,
        reuse_port=False,
        secure=secure,
        limits=Limits(**limits),  # type: ignore[arg-type] # whole ones where they are
    )
    port = Port(transport)
    transport.start(port.receive, port.gone)
    try:
        yield port
    finally:
        transport.close()


class Device:
    """The other end of a connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, content: bytes | str) -> None:
        """Send bytes, or hex with spaces."""
        if isinstance(content, str):
            content = bytes.fromhex(content)
        self.writer.write(content)

    async def hear(self, expected: bytes | str) -> None:
        """Wait for exactly these bytes."""
        if isinstance(expected, str):
            expected = bytes.fromhex(expected)
        async with asyncio.timeout(PATIENCE_SECONDS):
            heard = await self.reader.readexactly(len(expected))
        assert heard.hex(" ") == expected.hex(" ")

    async def ended(self) -> bytes:
        """Wait until the other end has closed; return what it said before."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""


@asynccontextmanager
async def connected(port: Port) -> AsyncIterator[Device]:
    """Connect a device."""
    host, number = port.transport.address[:2]
    reader, writer = await asyncio.open_connection(host, number)
    try:
        yield Device(reader, writer)
    finally:
        writer.transport.abort()
