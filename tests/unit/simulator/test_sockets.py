"""The sockets of a fleet, and the addresses of its servers."""

import asyncio
from collections.abc import Iterator

import pytest

from homeport.coap.udp import Address
from homeport.errors import InvalidConfiguration
from homeport.simulator.sockets import Sockets
from tests.support.server import Server, server

Taken = asyncio.Queue[tuple[int, bytes, Address]]


@pytest.fixture
def peer() -> Iterator[Server]:
    with server() as opened:
        yield opened


def sockets(url: str, taken: Taken) -> Sockets:
    def take(number: int, datagram: bytes, sender: Address) -> None:
        taken.put_nowait((number, datagram, sender))

    return Sockets(url, take=take, woken=lambda: None)


async def test_every_device_has_a_port_of_its_own_and_may_change_it(
    peer: Server,
) -> None:
    taken: Taken = asyncio.Queue()
    opened = sockets(peer.url, taken)
    opened.open(2)
    address = opened.server(peer.url)
    senders = []
    for number, rebinds in ((0, False), (1, False), (1, True)):
        if rebinds:
            opened.rebind(number)
        opened.send(number, b"\x40\x00\x00\x01", address)
        _, sender = await peer.hear_any()
        peer.ask(sender, 1)
        assert (await taken.get())[0] == number
        senders.append(sender)
    assert len(set(senders)) == 3
    opened.close()


async def test_servers_are_told_apart() -> None:
    opened = sockets("coap://127.0.0.1:5683", asyncio.Queue())
    plain = opened.server("coap://127.0.0.1:5683?aid=1")
    secured = opened.server("coaps://127.0.0.1:5684")
    assert (plain, secured) == (("127.0.0.1", 5683), ("127.0.0.1", 5684))
    assert opened.is_plain(plain)
    assert not opened.is_plain(secured)
    assert not opened.is_plain(("127.0.0.1", 5685))


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("coap://127.0.0.1", "is not coap[s]://<host>:<port>"),
        ("http://127.0.0.1:8080", "is not coap[s]://<host>:<port>"),
        ("127.0.0.1:5683", "is not coap[s]://<host>:<port>"),
        ("coap://127.0.0.1:port", "is no URL"),
        ("coap://a..b:5683", "has no address"),
    ],
)
async def test_a_server_without_address_is_a_sentence(url: str, sentence: str) -> None:
    with pytest.raises(InvalidConfiguration) as error:
        sockets(url, asyncio.Queue())
    assert str(error.value).startswith(f"{url} {sentence}")
