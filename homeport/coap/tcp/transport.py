"""CoAP over TCP: what one wake-up delivers for all connections is one batch."""

import asyncio
import socket
from collections import Counter
from collections.abc import Iterable, Sequence

from homeport.coap.blockwise import BERT
from homeport.coap.tcp.connection import Connection, Limits
from homeport.coap.tcp.security import Plain, Secure
from homeport.coap.transport import Arrival, Gone, Origin, Receive, Trace, unheard
from homeport.coap.udp import Address
from homeport.errors import InvalidConfiguration

BACKLOG = 4_096
"""Connections that wait to be accepted; Linux takes no more than its ``somaxconn``."""
KERNEL_BYTES = 64 * 2**10
"""What the kernel buffers of a connection, each way."""


class TcpTransport:
    """A TCP port for every dialect, with whatever security its connections have."""

    largest_szx = BERT
    proven = True

    def __init__(self, address: Address, *, secure: Secure, limits: Limits) -> None:
        self.address = address
        self._secure = secure
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._server: asyncio.Server | None = None
        self._receive: Receive[Connection] | None = None
        self._gone: Gone[Connection] = unheard
        self._batch: list[Arrival[Connection]] = []
        self._since = 0.0
        self._connections: set[Connection] = set()
        self._hosts: Counter[str] = Counter()

    @classmethod
    async def bind(
        cls,
        host: str,
        port: int,
        *,
        reuse_port: bool,
        secure: Secure = Plain,
        limits: Limits | None = None,
    ) -> "TcpTransport":
        """Open a port; 0 takes a free one. Raises InvalidConfiguration."""
        opened = _open(host, port, reuse_port=reuse_port)
        address: Address = opened.getsockname()
        made = cls(address, secure=secure, limits=limits or Limits())
        made._server = await made._loop.create_server(
            made._connect, sock=opened, backlog=BACKLOG
        )
        return made

    def start(
        self, receive: Receive[Connection], gone: Gone[Connection] = unheard
    ) -> None:
        """Hand over messages from now on, and tell of connections that are closed."""
        self._receive, self._gone = receive, gone

    def origin(self, peer: Connection) -> Origin:
        """Say where the messages of a connection come from."""
        return peer.origin

    def send(self, messages: Sequence[tuple[bytes, Connection]]) -> None:
        """Send; what a connection that is over does not take is lost."""
        for message, connection in messages:
            connection.send(message)

    def reach(self, peer: Connection) -> bool:
        """Say whether a connection is open."""
        return peer in self._connections

    async def recall(self, trace: Trace) -> Connection | None:  # noqa: ARG002
        """Say no: only a device can connect again."""
        return None

    def release(self, peer: Connection) -> None:
        """Close a connection: its peer speaks to another replica by now."""
        peer.close()

    def resting_on(self, names: frozenset[str] | None) -> list[Connection]:
        """Return the connections whose peers are somebody by one of some names.

        The names are entries of the trust view; None is any of them.
        """
        return [
            connection
            for connection in self._connections
            if (rests_on := connection.identity.rests_on)
            and (names is None or not names.isdisjoint(rests_on))
        ]

    def drop(self, connections: Iterable[Connection]) -> None:
        """Close connections, in order."""
        for connection in list(connections):
            connection.close()

    def stop(self) -> None:
        """Accept and hand over no more; what is to be sent still is."""
        self._receive, self._gone = None, unheard
        if self._server is not None:
            self._server.close()

    def close(self) -> None:
        """Close the port and, in order, every connection."""
        self.stop()
        self.drop(self._connections)

    def opened(self, connection: Connection) -> bool:
        """Count a connection; say whether there is room for it."""
        self._connections.add(connection)
        self._hosts[connection.host] += 1
        return (
            len(self._connections) <= self._limits.connections
            and self._hosts[connection.host] <= self._limits.per_address
        )

    def deliver(self, message: bytes, connection: Connection) -> None:
        """Take a message into the batch of this wake-up."""
        if not self._batch:
            self._since = self._loop.time()
            self._loop.call_soon(self._hand_over)
        self._batch.append(Arrival(message, connection))

    def lost(self, connection: Connection) -> None:
        """Count a connection no more; what it has brought goes before the news."""
        self._loop.call_soon(self._gone, connection)
        self._connections.discard(connection)
        self._hosts[connection.host] -= 1
        if not self._hosts[connection.host]:
            del self._hosts[connection.host]

    def _connect(self) -> Connection:
        return Connection(self, self._secure, self._limits)

    def _hand_over(self) -> None:
        batch, self._batch = self._batch, []
        if self._receive is not None:
            self._receive(batch, self._since)


def _open(host: str, port: int, *, reuse_port: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        opened.bind((host, port))
    except OSError as error:
        opened.close()
        raise InvalidConfiguration(
            f"TCP port {port}", f"on {host} cannot be opened: {error.strerror}"
        ) from error
    return opened
