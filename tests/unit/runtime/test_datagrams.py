"""What the kernel drops is counted, and stays counted."""

import socket
import sys

import pytest

from homeport.coap.udp import Queue, UdpTransport
from homeport.runtime.datagrams import Queues

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells what it drops"
)

DROPPED = "homeport_udp_dropped_datagrams_total"
WAITING = "homeport_udp_waiting_bytes"


def shown(queues: Queues) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in queues.collect()
        for sample in family.samples
    }


async def flooded() -> UdpTransport:
    """Open a port that nobody reads and send it more than it has room for."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    opened.bind(("127.0.0.1", 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(50):
            sender.sendto(bytes(1_000), opened.getsockname())
    return UdpTransport(opened)


async def test_what_waits_and_what_was_dropped_is_told() -> None:
    transport = await flooded()
    queue = transport.queue()
    assert queue is not None
    assert queue.waiting_bytes > 0
    assert queue.dropped > 30
    transport.close()


async def test_what_was_dropped_still_counts_when_the_port_is_closed() -> None:
    queues = Queues()
    transport = await flooded()
    dropped = (transport.queue() or Queue(0, 0, 0)).dropped
    with queues.watched(transport):
        assert shown(queues)[DROPPED] == dropped
        assert shown(queues)[WAITING] > 0
    transport.close()
    assert shown(queues)[DROPPED] == dropped
    assert shown(queues)[WAITING] == 0
