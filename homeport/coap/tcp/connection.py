"""One connection: bytes of a peer in, messages out, and a bound on all it costs."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Protocol

from homeport.coap.tcp import dialects
from homeport.coap.tcp.dialects import Dialect
from homeport.coap.tcp.security import Secure
from homeport.coap.transport import Origin
from homeport.coap.udp import Address, written
from homeport.errors import InvalidMessage
from homeport.identity import Identity

CLOSE_SECONDS = 5.0
"""How long a peer has to take what was written before its connection is closed."""

_ID_BYTES = 14


@dataclass(frozen=True, slots=True)
class Limits:
    """What connections may cost.

    ``first_seconds`` is how long one may take to say its first message, handshake
    included; ``idle_seconds`` how long it may be silent after that. ``unsent_bytes``
    may wait for a peer that reads slowly.
    """

    connections: int = 10_000
    per_address: int = 10_000
    first_seconds: float = 30.0
    idle_seconds: float = 86_400.0
    unsent_bytes: int = 256 * 2**10


class Port(Protocol):
    """What a connection belongs to."""

    def opened(self, connection: "Connection") -> bool:
        """Hear of a connection; say whether there is room for it."""

    def deliver(self, message: bytes, connection: "Connection") -> None:
        """Take a message, in a datagram's form."""

    def lost(self, connection: "Connection") -> None:
        """Hear of the end of a connection."""


class Connection(asyncio.Protocol):
    """A connection with a peer: to the message layer, it is the peer."""

    def __init__(self, port: Port, secure: Secure, limits: Limits) -> None:
        self._loop = asyncio.get_running_loop()
        self._port = port
        self._secure = secure
        self._limits = limits
        self._dialect: Dialect | None = None
        self._first = b""
        self._spoken = self._ending = False
        self._heard = self._loop.time()
        self._id = secrets.token_hex(_ID_BYTES)
        self.host = self.peer = ""

    @property
    def identity(self) -> Identity:
        """Who the peer has proved to be."""
        return self._security.identity

    @property
    def origin(self) -> Origin:
        """Where its messages come from."""
        return Origin(self.peer, self._id, self.identity)

    def connection_made(
        self,
        transport: asyncio.Transport,  # type: ignore[override] # a stream's is one
    ) -> None:
        """Begin, if there is room."""
        self._transport = transport
        address: Address = transport.get_extra_info("peername")
        self.host, self.peer = address[0], written(address)
        self._security = self._secure(self.peer, self._proceed)
        self._timer = self._loop.call_later(self._limits.first_seconds, self._expire)
        if not self._port.opened(self):
            self._ending = True
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take bytes of the peer."""
        self._heard = self._loop.time()
        self._security.receive(data)
        self._proceed()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 # asyncio's
        """Let go of everything; the message layer may know this peer for a while."""
        self._ending = True
        self._timer.cancel()
        self._security.close()
        self._dialect = None
        self._port.lost(self)

    def send(self, message: bytes) -> None:
        """Send a message in a datagram's form; it is lost where the connection is."""
        if self._dialect is None or self._ending:
            return
        try:
            self._dialect.send(message)
        except InvalidMessage as error:
            self._abort(error)
        else:
            self._flush()

    def close(self) -> None:
        """End in order: what was written still goes."""
        if self._ending:
            return
        if self._dialect is not None:
            self._dialect.release()
        self._end()

    def _proceed(self) -> None:
        """Do what can be done with what has arrived."""
        if self._ending:
            return
        try:
            for content in self._security.clear():
                self._read(content)
        except InvalidMessage as error:
            self._abort(error)
        else:
            self._flush()

    def _read(self, content: bytes) -> None:
        if self._dialect is None:
            content = self._first = self._first + content
            chosen = dialects.choose(content, records=self._security.records)
            if chosen is None:
                return
            self._dialect = chosen(write=self._security.write, deliver=self._deliver)
        self._dialect.receive(content)

    def _deliver(self, message: bytes) -> None:
        self._spoken = True
        self._port.deliver(message, self)

    def _flush(self) -> None:
        """Write what is to be written; end what is over."""
        self._write()
        if self._transport.get_write_buffer_size() > self._limits.unsent_bytes:
            self._ending = True
            self._transport.abort()
        elif self._security.closed or (self._dialect and self._dialect.finished):
            self._end()
        elif self._security.waiting:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _write(self) -> None:
        outgoing = self._security.outgoing()
        if outgoing:
            self._transport.write(outgoing)

    def _abort(self, error: InvalidMessage) -> None:
        if self._dialect is not None:
            self._dialect.abort(error)
        self._end()

    def _end(self) -> None:
        """Close, at once if the peer does not take what was written."""
        self._ending = True
        self._security.close()
        self._write()
        self._transport.close()
        self._timer.cancel()
        self._timer = self._loop.call_later(CLOSE_SECONDS, self._transport.abort)

    def _expire(self) -> None:
        """Close a connection that says nothing, or look again when it may have."""
        left = self._heard + self._limits.idle_seconds - self._loop.time()
        if self._spoken and left > 0:
            self._timer = self._loop.call_later(left, self._expire)
        else:
            self.close()
