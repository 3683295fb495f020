"""What stands before the pods of a cluster: load balancers that hear of them late."""

import asyncio
import hashlib
import socket
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

import httpx

from homeport.coap.udp import Address

LARGEST_DATAGRAM = 65_535

EACH_ANEW = httpx.Limits(max_keepalive_connections=0)
"""Connections are not kept: one that a server has just closed is no failure of it."""

Take = Callable[..., None]
"""Takes a datagram, its sender, and what is known of the socket."""


class Pods(NamedTuple):
    """The addresses of a Service's pods: the ready ones, and all that run."""

    ready: frozenset[str] = frozenset()
    there: frozenset[str] = frozenset()


class Endpoints:
    """The pods of a Service, and what load balancers know of them by now.

    They hear of a change ``lag`` seconds late.
    """

    def __init__(self, *, lag: float) -> None:
        self.now = Pods()
        self._lag = lag
        self._known = Pods()
        self._news: deque[tuple[float, Pods]] = deque()
        self._loop = asyncio.get_running_loop()

    def change(self, ready: Iterable[str], there: Iterable[str]) -> None:
        """Take other pods from now on."""
        self.now = Pods(frozenset(ready), frozenset(there))
        self._news.append((self._loop.time() + self._lag, self.now))

    @property
    def known(self) -> Pods:
        """What load balancers have heard."""
        while self._news and self._news[0][0] <= self._loop.time():
            _, self._known = self._news.popleft()
        return self._known


@dataclass(slots=True)
class Flow:
    """A device's: where it comes from for every pod, and the one that hears it."""

    back: socket.socket
    pod: str = ""
    used: float = 0.0


class UdpBalancer:
    """Spreads devices over pods by their source addresses, which it keeps.

    A flow stays with its pod while it is not silent for ``idle`` seconds and the pod is
    there, ready or not. Then the device's hash decides anew, so that few devices move
    when a pod comes or goes. ``late`` counts datagrams that went to a pod which was not
    ready any more, ``missed`` those that went to one which was gone.
    """

    def __init__(self, endpoints: Endpoints, port: int, *, idle: float) -> None:
        self.late = 0
        self.missed = 0
        self._endpoints = endpoints
        self._port = port
        self._idle = idle
        self._loop = asyncio.get_running_loop()
        self._flows: dict[Address, Flow] = {}
        self._front = self._open(self._arrived)

    @property
    def address(self) -> str:
        """Where devices reach it, ``host:port``."""
        host, port = self._front.getsockname()
        return f"{host}:{port}"

    def close(self) -> None:
        """Forget all flows."""
        for each in (self._front, *(flow.back for flow in self._flows.values())):
            self._loop.remove_reader(each)
            each.close()

    def _open(self, take: Take, *arguments: Address) -> socket.socket:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.setblocking(False)
        opened.bind(("127.0.0.1", 0))
        self._loop.add_reader(opened, self._read, opened, take, *arguments)
        return opened

    def _read(self, opened: socket.socket, take: Take, *arguments: Address) -> None:
        while True:
            try:
                datagram, sender = opened.recvfrom(LARGEST_DATAGRAM)
            except OSError:
                return  # nothing more, or an ICMP error of a pod that is gone
            take(datagram, sender, *arguments)

    def _arrived(self, datagram: bytes, device: Address) -> None:
        flow = self._flows.get(device)
        if flow is None:
            flow = Flow(self._open(self._answered, device))
            self._flows[device] = flow
        now, known, pods = self._loop.time(), self._endpoints.known, self._endpoints.now
        if now - flow.used > self._idle or flow.pod not in known.there:
            flow.pod = _chosen(device, known.ready)
        flow.used = now
        if flow.pod in pods.there:
            self.late += flow.pod not in pods.ready
            _send(flow.back, datagram, (flow.pod, self._port))
        else:
            self.missed += 1

    def _answered(self, datagram: bytes, pod: Address, device: Address) -> None:
        """Let an answer through that the device's pod gives, and no other."""
        if self._flows[device].pod == pod[0]:
            _send(self._front, datagram, device)


class Ingress(httpx.AsyncBaseTransport):
    """Calls of the API: the longest path of ``routes`` says whose pods they are for."""

    def __init__(self, routes: Mapping[str, Endpoints], port: int) -> None:
        self._routes = routes
        self._port = port
        self._numbers = count()
        self._pods = httpx.AsyncHTTPTransport(limits=EACH_ANEW)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Let one pod after the other answer."""
        path = max(filter(request.url.path.startswith, self._routes), key=len)
        ready = sorted(self._routes[path].known.ready)
        if not ready:
            return httpx.Response(503, text="no pod is ready")
        pod = ready[next(self._numbers) % len(ready)]
        request.url = request.url.copy_with(scheme="http", host=pod, port=self._port)
        return await self._pods.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._pods.aclose()


@contextmanager
def udp_balancer(
    endpoints: Endpoints, port: int, *, idle: float
) -> Iterator[UdpBalancer]:
    """Balance a UDP port on a free one of loopback."""
    made = UdpBalancer(endpoints, port, idle=idle)
    try:
        yield made
    finally:
        made.close()


def _chosen(device: Address, ready: Collection[str]) -> str:
    """Return the pod with the highest hash; nothing where none is ready."""

    def weight(pod: str) -> bytes:
        return hashlib.blake2b(f"{device} {pod}".encode(), digest_size=8).digest()

    return max(ready, key=weight, default="")


def _send(by: socket.socket, datagram: bytes, to: Address) -> None:
    try:
        by.sendto(datagram, to)
    except OSError:
        return  # nobody has this address, as of a pod that is gone
