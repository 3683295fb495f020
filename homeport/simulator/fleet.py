"""Running a fleet: sockets, time, and one message layer for all its devices."""

import asyncio
import heapq
import math
import random
import resource
import socket
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from homeport.coap.codec import code_text
from homeport.coap.layer import Exchange, Failure, MessageLayer, Reply, Request
from homeport.coap.udp import Address
from homeport.errors import InvalidConfiguration
from homeport.simulator.device import Ask, Device, Operation
from homeport.simulator.journal import Journal
from homeport.simulator.options import FleetOptions
from homeport.simulator.report import Report

RECEIVE_BYTES = 2048
SHORTEST_WAIT_SECONDS = 0.005
"""What falls due meanwhile is done together."""
LONGEST_WAIT_SECONDS = 0.25
SPARE_FILES = 64


class Place(NamedTuple):
    """A device by its number, and the server it talks to: a peer of the layer."""

    number: int
    server: Address


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under way."""

    number: int
    operation: Operation
    since: float


class Fleet:
    """A fleet; entered, its devices have their addresses."""

    def __init__(
        self, options: FleetOptions, *, journal: Journal | None = None
    ) -> None:
        self.report = Report(options.devices)
        self._options = options
        self._journal = journal
        self._layer = MessageLayer[Place]()
        self._loop = asyncio.get_running_loop()
        self._servers: dict[str, Address] = {}
        self._sockets: list[socket.socket] = []
        self._asked: dict[Exchange[Place], Asked] = {}
        self._turns: list[tuple[float, int]] = []
        self._stopped = asyncio.Event()
        chance = random.Random(options.seed)  # noqa: S311 # a fleet, no secret
        self._devices = [
            Device(f"{options.prefix}-{number:06}", options, chance)
            for number in range(options.devices)
        ]

    @property
    def stopped(self) -> bool:
        """Whether it was asked to end."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End the run as soon as possible."""
        self._stopped.set()

    def __enter__(self) -> Self:
        """Raise InvalidConfiguration where the first server has no address.

        Or where the system allows too few open files.
        """
        _allow_files(self._options.devices)
        target = self._options.target
        family, _ = _resolve(target.bootstrap or target.lwm2m or "")
        for number in range(self._options.devices):
            opened = socket.socket(family, socket.SOCK_DGRAM)
            opened.setblocking(False)
            self._loop.add_reader(opened, self._readable, number, opened)
            self._sockets.append(opened)
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave without a word."""
        for opened in self._sockets:
            self._loop.remove_reader(opened)
            opened.close()

    async def run(self) -> None:
        """Let the devices live until their time is over or the fleet is stopped.

        Raises InvalidConfiguration where a bootstrap hands out a URL without address.
        """
        begun = monotonic()
        end = begun + (self._options.duration or math.inf)
        for number, device in enumerate(self._devices):
            device.turn = begun + number / self._options.starts_per_second
            self._plan(number)
        while not self.stopped and (now := monotonic()) < end:
            self._turn(now)
            await self._wait(min(end, self._next(now)) - now)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return

    def _next(self, now: float) -> float:
        """Return when something is due: a device's turn or a retransmission."""
        due = [now + LONGEST_WAIT_SECONDS]
        if self._turns:
            due.append(self._turns[0][0])
        if (deadline := self._layer.next_deadline()) is not None:
            due.append(deadline)
        return max(now + SHORTEST_WAIT_SECONDS, min(due))

    def _turn(self, now: float) -> None:
        for failure in self._layer.tick(now):
            self._failed(failure, now)
        while self._turns and self._turns[0][0] <= now:
            due, number = heapq.heappop(self._turns)
            device = self._devices[number]
            if device.turn != due:
                continue  # the device has changed its mind meanwhile
            ask = device.act(now)
            if ask is not None:
                self._send(number, ask, now)
            self._plan(number)
        self._flush()

    def _plan(self, number: int) -> None:
        turn = self._devices[number].turn
        if turn < math.inf:
            heapq.heappush(self._turns, (turn, number))

    def _send(self, number: int, ask: Ask, now: float) -> None:
        exchange = self._layer.request(
            Place(number, self._server(ask.server)),
            ask.code,
            path=ask.path,
            queries=ask.queries,
            options=ask.options,
            payload=ask.payload,
            now=now,
        )
        self._asked[exchange] = Asked(number, ask.operation, now)

    def _server(self, url: str) -> Address:
        address = self._servers.get(url)
        if address is None:
            _, address = _resolve(url, family=self._sockets[0].family)
            self._servers[url] = address
        return address

    def _readable(self, number: int, opened: socket.socket) -> None:
        now = monotonic()
        while True:
            try:
                datagram, address = opened.recvfrom(RECEIVE_BYTES)
            except OSError:
                break  # nothing more, or an ICMP error of an earlier datagram
            if not self._devices[number].away:
                self._receive(Place(number, address), datagram, now)
        self._flush()

    def _receive(self, place: Place, datagram: bytes, now: float) -> None:
        match self._layer.receive(datagram, place, now):
            case Reply() as reply:
                self._answered(reply, now)
            case Failure() as failure:
                self._failed(failure, now)
            case Request(message=message) as request:
                answer = self._devices[place.number].asked(message, now)
                self._layer.respond(request, answer, now=now)
                self._plan(place.number)

    def _answered(self, reply: Reply[Place], now: float) -> None:
        asked = self._asked.pop(reply.exchange)
        device = self._devices[asked.number]
        code = code_text(reply.message.code)
        self.report.answered(asked.operation, code, now - asked.since)
        if self._journal is not None:
            self._journal.answered(device.endpoint_name, asked.operation, code)
        device.answered(asked.operation, reply.message, now)
        if device.registered:
            self.report.arrived(device.endpoint_name)
        self._plan(asked.number)

    def _failed(self, failure: Failure[Place], now: float) -> None:
        asked = self._asked.pop(failure.exchange)
        self.report.unanswered(asked.operation)
        self._devices[asked.number].unanswered(now)
        self._plan(asked.number)

    def _flush(self) -> None:
        for datagram, (number, server) in self._layer.datagrams():
            try:
                self._sockets[number].sendto(datagram, server)
            except OSError:
                continue  # lost like any datagram; CoAP repeats it


def _resolve(
    url: str, *, family: socket.AddressFamily = socket.AF_UNSPEC
) -> tuple[socket.AddressFamily, Address]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidConfiguration(url, f"is no URL: {error}") from error
    if parts.scheme != "coap" or not parts.hostname or not port:
        raise InvalidConfiguration(url, "is not coap://<host>:<port>")
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
