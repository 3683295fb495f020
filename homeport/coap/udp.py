"""CoAP over UDP: one socket, read until it is empty, so that one wake-up is a batch."""

import asyncio
import socket
import struct
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from homeport.coap.blockwise import LARGEST_SZX
from homeport.coap.transport import Arrival, Gone, Origin, Receive, Trace, unheard
from homeport.errors import InvalidConfiguration

Address = tuple[str, int] | tuple[str, int, int, int]

MOST_AT_ONCE = 512
"""Datagrams of one wake-up; more wait in the kernel, and the loop's other work runs."""
BUFFER_BYTES = 4 * 2**20
_LONGEST_DATAGRAM = 65_535

_SO_TIMESTAMPNS = 35
"""Linux's number; the socket module of Python 3.11 does not name it."""
_TIMESPEC = struct.Struct("@ll")
_SO_MEMINFO = 55
_MEMINFO = struct.Struct("@9I")
"""Linux's numbers: bytes that wait, bytes that may, …, datagrams dropped."""
_IP_MULTICAST_ALL, _IPV6_MULTICAST_ALL = 49, 29
"""Linux's numbers; the socket module of Python 3.11 does not name them."""


class Queue(NamedTuple):
    """What waits in the kernel to be read, and what found no room there."""

    waiting_bytes: int
    limit_bytes: int
    dropped: int


class UdpTransport:
    """A UDP socket that hands over datagrams in batches.

    A process that was stopped and continued reads datagrams that have waited. So the
    kernel's own timestamp of the first one of a batch, its oldest, goes with it; where
    there is none (other systems than Linux), it counts as just arrived.
    """

    largest_szx = LARGEST_SZX
    proven = False

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray(_LONGEST_DATAGRAM)
        self._view = memoryview(self._buffer)

    @classmethod
    def bind(cls, host: str, port: int, *, reuse_port: bool) -> "UdpTransport":
        """Open a port; 0 takes a free one. Raises InvalidConfiguration."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            if reuse_port:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if sys.platform == "linux":
                opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
                _leave_groups(opened)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            opened.bind((host, port))
        except OSError as error:
            opened.close()
            raise InvalidConfiguration(
                f"UDP port {port}", f"on {host} cannot be opened: {error.strerror}"
            ) from error
        return cls(opened)

    @property
    def address(self) -> Address:
        """Where it listens."""
        address: Address = self._socket.getsockname()
        return address

    def queue(self) -> Queue | None:
        """Ask the kernel; None where it does not tell (other systems than Linux)."""
        if sys.platform != "linux":
            return None
        told = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
        waiting, limit, *_, dropped = _MEMINFO.unpack(told)
        return Queue(waiting, limit, dropped)

    def start(
        self,
        receive: Receive[Address],
        gone: Gone[Address] = unheard,  # noqa: ARG002 # an address stays what it is
    ) -> None:
        """Read from now on."""
        self._loop.add_reader(self._socket, self._read, receive)

    def origin(self, peer: Address) -> Origin:
        """Say where a peer's datagrams come from, which have proved nothing."""
        name = written(peer)
        return Origin(name, name)

    def send(self, messages: Sequence[tuple[bytes, Address]]) -> None:
        """Send; what the kernel does not take is lost, like any datagram."""
        for datagram, address in messages:
            try:
                self._socket.sendto(datagram, address)
            except OSError:
                continue

    def reach(self, peer: Address) -> bool:  # noqa: ARG002 # an address stays
        """Say yes: who knows."""
        return True

    async def recall(self, trace: Trace) -> Address | None:
        """Go by the address, which is all that there is of a peer."""
        return read(trace.peer) if trace.exchanges == trace.peer else None

    def release(self, peer: Address) -> None:
        """Do nothing: an address belongs to nobody."""

    def stop(self) -> None:
        """Read no more; what is to be sent still is."""
        self._loop.remove_reader(self._socket)

    def close(self) -> None:
        """Close the port."""
        self.stop()
        self._socket.close()

    def _read(self, receive: Receive[Address]) -> None:
        batch: list[Arrival[Address]] = []
        try:
            length, ancillary, _, address = self._socket.recvmsg_into(
                [self._buffer], _TIMESPEC.size * 4
            )
            arrived = self._loop.time() - _age(ancillary)
            batch.append(Arrival(bytes(self._view[:length]), address))
            while len(batch) < MOST_AT_ONCE:
                length, address = self._socket.recvfrom_into(self._buffer)
                batch.append(Arrival(bytes(self._view[:length]), address))
        except OSError:
            pass  # empty, or an ICMP error of something sent before
        if batch:
            receive(batch, arrived)


def written(address: Address) -> str:
    """Write an address the way people do: '127.0.0.1:5683', '[::1]:5683'."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def read(name: str) -> Address:
    """Return the address that was `written`; a scoped IPv6 address loses its scope."""
    host, _, port = name.rpartition(":")
    if host.startswith("["):
        return host[1:-1], int(port), 0, 0
    return host, int(port)


def _leave_groups(opened: socket.socket) -> None:
    """Hear nothing that is sent to a group, which nobody may answer (RFC 7252 §8.2).

    Otherwise a socket hears every group that anybody on its machine has joined.
    """
    if opened.family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_MULTICAST_ALL, 0)
    opened.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)


def _age(ancillary: Sequence[tuple[int, int, bytes]]) -> float:
    """Return how long a datagram has waited in the kernel, in seconds."""
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack_from(content)
            waited: float = time.time() - seconds - nanoseconds / 1e9
            return max(0.0, waited)
    return 0.0
