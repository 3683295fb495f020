"""Hosts, ports and the URLs that are made of them."""

import ipaddress
import socket
from urllib.parse import urlsplit

from homeport.errors import InvalidConfiguration

_ANYWHERE = ("192.0.2.1", "2001:db8::1")
"""Documentation addresses (RFC 5737, RFC 3849): asked for a route, never sent to."""


LOOPBACK_NETWORKS = "127.0.0.0/8,::1/128"


def is_loopback(host: str) -> bool:
    """Say whether a host is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def url(scheme: str, host: str, port: int) -> str:
    """Build a URL with an explicit port and without trailing slash."""
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def port_of(address: str) -> int:
    """Return the port that a URL names; raise InvalidConfiguration if it names none."""
    try:
        port = urlsplit(address).port
    except ValueError:
        port = None
    if port is None:
        raise InvalidConfiguration(address, "names no port")
    return port


def reachable(address: str) -> str:
    """Replace a wildcard host, which nobody can connect to, by this machine's own."""
    parts = urlsplit(address)
    try:
        host = ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        return address
    if not host.is_unspecified:
        return address
    return url(parts.scheme, _own_address(host.version), port_of(address))


def _own_address(version: int) -> str:
    family, somewhere, loopback = (
        (socket.AF_INET6, _ANYWHERE[1], "::1")
        if version == 6  # noqa: PLR2004 # IPv6
        else (socket.AF_INET, _ANYWHERE[0], "127.0.0.1")
    )
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((somewhere, 9))
            return str(probe.getsockname()[0])
        except OSError:
            return loopback


def require_free(host: str, port: int, kind: socket.SocketKind) -> None:
    """Raise InvalidConfiguration unless a port can be had for ourselves alone.

    Asked before SO_REUSEPORT is used, which would let two platforms share a port and
    each get half of the datagrams.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    protocol = "UDP" if kind is socket.SOCK_DGRAM else "TCP"
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InvalidConfiguration(
                f"{protocol} port {port}", f"on {host} cannot be opened: {reason}"
            ) from error
