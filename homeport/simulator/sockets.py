"""The sockets of a fleet, one for each device, and the addresses of its servers."""

import asyncio
import resource
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from homeport.coap.udp import Address
from homeport.errors import InvalidConfiguration
from homeport.simulator import accounts
from homeport.simulator.accounts import PLAIN

RECEIVE_BYTES = 2048
SPARE_FILES = 64

Take = Callable[[int, bytes, Address], None]
"""Takes a datagram of a device, by its number, and who sent it."""


class Sockets:
    """Sockets of the family that the first server has; ``woken`` ends each wake-up."""

    def __init__(self, first: str, *, take: Take, woken: Callable[[], None]) -> None:
        """Raise InvalidConfiguration where the first server has no address."""
        self._family, _ = _resolve(first)
        self._take = take
        self._woken = woken
        self._loop = asyncio.get_running_loop()
        self._sockets: list[socket.socket] = []
        self._servers: dict[str, Address] = {}
        self._plain: set[Address] = set()

    def open(self, devices: int) -> None:
        """Open one for each device.

        Raises InvalidConfiguration where the system allows too few open files.
        """
        _allow_files(devices)
        self._sockets += map(self._bind, range(devices))

    def close(self) -> None:
        """Close them all."""
        for opened in self._sockets:
            self._release(opened)

    def rebind(self, number: int) -> None:
        """Let a device go on from another port."""
        self._release(self._sockets[number])
        self._sockets[number] = self._bind(number)

    def send(self, number: int, datagram: bytes, server: Address) -> None:
        """Send; what cannot be sent is lost like any datagram, and repeated."""
        try:
            self._sockets[number].sendto(datagram, server)
        except OSError:
            return

    def server(self, url: str) -> Address:
        """Return the address of a server; raise InvalidConfiguration without one."""
        address = self._servers.get(url)
        if address is None:
            _, address = _resolve(url, family=self._family)
            self._servers[url] = address
            if accounts.scheme(url) == PLAIN:
                self._plain.add(address)
        return address

    def is_plain(self, server: Address) -> bool:
        """Say whether a server has been asked for that speaks plain CoAP."""
        return server in self._plain

    def _bind(self, number: int) -> socket.socket:
        opened = socket.socket(self._family, socket.SOCK_DGRAM)
        opened.setblocking(False)
        self._loop.add_reader(opened, self._readable, number, opened)
        return opened

    def _release(self, opened: socket.socket) -> None:
        self._loop.remove_reader(opened)
        opened.close()

    def _readable(self, number: int, opened: socket.socket) -> None:
        while True:
            try:
                datagram, address = opened.recvfrom(RECEIVE_BYTES)
            except OSError:
                break  # nothing more, or an ICMP error of an earlier datagram
            self._take(number, datagram, address)
        self._woken()


def _resolve(
    url: str, *, family: socket.AddressFamily = socket.AF_UNSPEC
) -> tuple[socket.AddressFamily, Address]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidConfiguration(url, f"is no URL: {error}") from error
    if not accounts.scheme(url) or port is None:
        raise InvalidConfiguration(url, "is not coap[s]://<host>:<port>")
    try:
        found = socket.getaddrinfo(parts.hostname, port, family, socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise InvalidConfiguration(url, f"has no address: {error}") from error
    found_family, *_, address = found[0]
    return found_family, (str(address[0]), port, *address[2:])


def _allow_files(devices: int) -> None:
    wanted = devices + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise InvalidConfiguration(
            "--devices", f"needs {wanted} open files and the system allows {hard}"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
