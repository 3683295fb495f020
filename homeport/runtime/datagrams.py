"""What the kernel drops before an edge has read it: nobody else can tell.

A device repeats what is lost here, so that an edge that is too slow looks healthy but
for the time its devices wait.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from homeport.coap.udp import Queue, UdpTransport


class Queues(Collector):
    """Asks about all sockets that are watched whenever somebody looks."""

    def __init__(self) -> None:
        self._watched: list[UdpTransport] = []
        self._lost_before = 0

    @contextmanager
    def watched(self, transport: UdpTransport) -> Iterator[None]:
        """Entered: a socket counts. Left: only what it has lost does."""
        self._watched.append(transport)
        try:
            yield
        finally:
            self._watched.remove(transport)
            self._lost_before += _queue(transport).dropped

    def collect(self) -> Iterator[Metric]:
        """Yield what waits now and what was lost."""
        queues = [_queue(transport) for transport in self._watched]
        yield CounterMetricFamily(
            "homeport_udp_dropped_datagrams",
            "Datagrams for which the kernel had no room, before they were read.",
            self._lost_before + sum(queue.dropped for queue in queues),
        )
        yield GaugeMetricFamily(
            "homeport_udp_waiting_bytes",
            "What waits in the kernel to be read, with its overhead.",
            sum(queue.waiting_bytes for queue in queues),
        )
        yield GaugeMetricFamily(
            "homeport_udp_limit_bytes",
            "How much may wait there; more is dropped.",
            sum(queue.limit_bytes for queue in queues),
        )


def _queue(transport: UdpTransport) -> Queue:
    return transport.queue() or Queue(0, 0, 0)


_QUEUES = Queues()
REGISTRY.register(_QUEUES)
watched = _QUEUES.watched
