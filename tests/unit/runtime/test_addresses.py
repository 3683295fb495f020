"""URLs have an explicit port, and a port is had alone or not at all."""

import ipaddress
import socket

import pytest

from homeport.errors import InvalidConfiguration
from homeport.runtime import addresses


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "coap://127.0.0.1:5683"), ("::1", "coap://[::1]:5683")],
)
def test_a_url_names_its_port(host: str, url: str) -> None:
    assert addresses.url("coap", host, 5683) == url
    assert addresses.port_of(url) == 5683


@pytest.mark.parametrize("url", ["coap://host", "coap://host:99999", "coap://host:x"])
def test_a_url_without_a_port_is_a_fault(url: str) -> None:
    with pytest.raises(InvalidConfiguration, match="names no port"):
        addresses.port_of(url)


@pytest.mark.parametrize(
    "url", ["coap://127.0.0.1:5683", "coap://[::1]:5683", "http://homeport.example:80"]
)
def test_a_host_that_can_be_reached_stays(url: str) -> None:
    assert addresses.reachable(url) == url


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_wildcard_becomes_an_address_of_this_machine(host: str) -> None:
    url = addresses.reachable(addresses.url("coap", host, 5683))
    found = url.removeprefix("coap://").removesuffix(":5683").strip("[]")
    assert not ipaddress.ip_address(found).is_unspecified


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_taken_port_is_named(kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        if kind is socket.SOCK_STREAM:
            holder.listen()
        with pytest.raises(InvalidConfiguration, match=rf"port {port} on 127\.0\.0\.1"):
            addresses.require_free("127.0.0.1", port, kind)
    addresses.require_free("127.0.0.1", port, kind)


def test_a_port_that_others_would_share_is_taken() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        with pytest.raises(InvalidConfiguration):
            addresses.require_free(
                "127.0.0.1", holder.getsockname()[1], socket.SOCK_DGRAM
            )


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("192.0.2.1", False),
        ("example.com", False),
    ],
)
def test_loopback_is_reached_from_this_machine_only(
    host: str,
    is_loopback: object,
) -> None:
    assert addresses.is_loopback(host) is is_loopback
