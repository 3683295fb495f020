"""The UDP socket: what one wake-up delivers is one batch."""

import asyncio
import socket
import sys
from collections.abc import Sequence

import pytest

from homeport.coap.transport import Arrival, Trace
from homeport.coap.udp import Address, UdpTransport, read, written
from homeport.errors import InvalidConfiguration
from homeport.identity import NOBODY

WAITED_SECONDS = 0.3
Datagrams = list[Arrival[Address]]


def peer(transport: UdpTransport) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.connect(transport.address)
    return made


class Batches:
    """Keeps what was received."""

    def __init__(self) -> None:
        self.taken: list[tuple[Datagrams, float]] = []
        self._came = asyncio.Event()

    def receive(self, datagrams: Sequence[Arrival[Address]], at: float) -> None:
        self.taken.append((list(datagrams), at))
        self._came.set()

    async def next(self) -> tuple[Datagrams, float]:
        async with asyncio.timeout(5):
            await self._came.wait()
        self._came.clear()
        return self.taken[-1]


async def test_datagrams_that_wait_together_are_one_batch_in_order() -> None:
    transport = UdpTransport.bind("127.0.0.1", 0, reuse_port=True)
    batches = Batches()
    with peer(transport) as device:
        for number in range(10):
            device.send(bytes([number]))
        transport.start(batches.receive)
        datagrams, _ = await batches.next()
        assert [arrival.message for arrival in datagrams] == [
            bytes([number]) for number in range(10)
        ]
        transport.send([(b"answer", datagrams[0].peer)])
        device.settimeout(5)
        assert device.recv(10) == b"answer"
    transport.close()


async def test_a_datagram_that_has_waited_tells_since_when() -> None:
    transport = UdpTransport.bind("127.0.0.1", 0, reuse_port=False)
    loop = asyncio.get_running_loop()
    batches = Batches()
    with peer(transport) as device:
        device.send(b"early")
        sent = loop.time()
        await asyncio.sleep(WAITED_SECONDS)  # as if the process had been stopped
        transport.start(batches.receive)
        _, arrived = await batches.next()
    transport.close()
    assert arrived == pytest.approx(sent, abs=WAITED_SECONDS / 2)


async def test_an_empty_datagram_is_a_datagram() -> None:
    transport = UdpTransport.bind("127.0.0.1", 0, reuse_port=True)
    batches = Batches()
    with peer(transport) as device:
        transport.start(batches.receive)
        device.send(b"")
        datagrams, _ = await batches.next()
    transport.close()
    assert datagrams[0].message == b""


async def test_two_share_a_port_and_a_third_that_does_not_is_refused() -> None:
    first = UdpTransport.bind("127.0.0.1", 0, reuse_port=True)
    second = UdpTransport.bind("127.0.0.1", first.address[1], reuse_port=True)
    with pytest.raises(InvalidConfiguration, match="cannot be opened"):
        UdpTransport.bind("127.0.0.1", first.address[1], reuse_port=False)
    first.close()
    second.close()


async def test_what_cannot_be_sent_is_lost_and_the_rest_is_sent() -> None:
    transport = UdpTransport.bind("127.0.0.1", 0, reuse_port=True)
    with peer(transport) as device:
        device.settimeout(5)
        transport.send(
            [(bytes(70_000), device.getsockname()), (b"x", device.getsockname())]
        )
        assert device.recv(10) == b"x"
    transport.close()


async def test_an_address_has_proved_nothing_and_belongs_to_nobody() -> None:
    transport = UdpTransport.bind("127.0.0.1", 0, reuse_port=True)
    peer = ("192.0.2.1", 5683)
    transport.release(peer)
    assert transport.reach(peer)
    origin = transport.origin(peer)
    transport.close()
    assert (origin.peer, origin.exchanges) == ("192.0.2.1:5683",) * 2
    assert origin.identity is NOBODY
    assert origin.mark(9) == ""


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (("127.0.0.1", 5683), "127.0.0.1:5683"),
        (("2001:db8::1", 5683, 0, 0), "[2001:db8::1]:5683"),
    ],
)
def test_an_address_is_written_as_people_do(address: Address, text: str) -> None:
    assert written(address) == text


@pytest.mark.skipif(sys.platform != "linux", reason="needs an option of Linux's")
@pytest.mark.conforms("C-212", "RFC 7252 §8.2")
async def test_what_is_sent_to_a_group_is_not_heard() -> None:
    transport = UdpTransport.bind("0.0.0.0", 0, reuse_port=False)
    group, loopback = socket.inet_aton("224.0.1.187"), socket.inet_aton("127.0.0.1")
    port = transport.address[1]
    batches = Batches()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as member,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device,
    ):
        member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + loopback)
        device.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, loopback)
        device.sendto(b"to all", ("224.0.1.187", port))
        device.sendto(b"to one", ("127.0.0.1", port))
        transport.start(batches.receive)
        datagrams, _ = await batches.next()
        assert [arrival.message for arrival in datagrams] == [b"to one"]
    transport.close()


@pytest.mark.parametrize("address", [("192.0.2.1", 5683), ("2001:db8::1", 5683, 0, 0)])
def test_an_address_is_read_as_it_was_written(address: Address) -> None:
    assert read(written(address)) == address


async def test_a_peer_is_recalled_by_its_address_if_it_had_no_more() -> None:
    transport = UdpTransport.bind("127.0.0.1", 0, reuse_port=True)
    plain = Trace("192.0.2.1:5683", "192.0.2.1:5683", "f" * 40)
    assert await transport.recall(plain) == ("192.0.2.1", 5683)
    assert await transport.recall(plain._replace(exchanges="f" * 28)) is None
    transport.close()
