"""Where webhooks may be: the Internet, and what the operator allows besides.

A caller may name any host, so a name that leads into the operator's own networks must
lead nowhere (server-side request forgery). The address is judged, after DNS and at
every connection, and that very address is connected to.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import httpcore

from homeport.errors import InvalidParameter

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_TRANSLATED = IPv6Network("64:ff9b::/96")
"""IPv4 behind a translator (RFC 6052 §2.1)."""


def parse(text: str) -> tuple[Network, ...]:
    """Parse networks with commas between them; raise InvalidParameter."""
    words = [word.strip() for word in text.split(",")]
    try:
        return tuple(ipaddress.ip_network(word) for word in words if word)
    except ValueError as error:
        raise InvalidParameter("networks", str(error)) from error


def allows(address: Address, networks: Iterable[Network]) -> bool:
    """Say whether a webhook may be at an address: a public one, or in ``networks``."""
    judged = _meant(address)
    if any(judged in network for network in networks):
        return True
    return judged.is_global and not judged.is_multicast


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to allowed addresses only, whatever name leads there."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = networks
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 # httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers; raise httpcore.ConnectError."""
        failure = httpcore.ConnectError(f"{host} has no address that is allowed")
        for address in await _resolve(host, port):
            if not allows(ipaddress.ip_address(address), self._networks):
                continue
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = httpcore.ConnectError(str(error) or "no connection")
        raise failure

    async def sleep(self, seconds: float) -> None:
        """Wait, as httpcore asks for between attempts."""
        await self._network.sleep(seconds)


async def _resolve(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(f"{host} is not found: {error}") from error
    return list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))


def _meant(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, or it itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
