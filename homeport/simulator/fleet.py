"""Running a fleet: sockets, time, and one message layer for all its devices.

Between the socket of a device and the layer stands a secured channel, unless the server
is a plain one.
"""

import asyncio
import heapq
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Self

from homeport.coap import codec
from homeport.coap.codec import code_text
from homeport.coap.layer import (
    Exchange,
    Failure,
    MessageLayer,
    Notification,
    Reply,
    Request,
)
from homeport.coap.udp import Address
from homeport.errors import InvalidConfiguration
from homeport.simulator import accounts
from homeport.simulator.accounts import PLAIN, Account
from homeport.simulator.channel import Closed, Event, Heard, Opened
from homeport.simulator.channels import Channels, Place
from homeport.simulator.device import Ask, Device, Operation, Way
from homeport.simulator.journal import Journal
from homeport.simulator.options import FleetOptions
from homeport.simulator.report import HANDSHAKE, Handshake, Report
from homeport.simulator.sockets import Sockets

SHORTEST_WAIT_SECONDS = 0.005
"""What falls due meanwhile is done together."""
LONGEST_WAIT_SECONDS = 0.25
_RESET = codec.encode_empty(codec.Type.RST, 0)[:2]


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
        self._channels = Channels(self._transmit, forms=options.connection_ids.forms)
        self._loop = asyncio.get_running_loop()
        self._sockets = Sockets(
            options.target.first, take=self._take, woken=self._flush
        )
        self._pending: dict[Place, Ask] = {}
        self._places: dict[int, Place] = {}
        self._asked: dict[Exchange[Place], Asked] = {}
        self._turns: list[tuple[float, int]] = []
        self._stopped = asyncio.Event()
        self._chance = random.Random(options.seed)  # noqa: S311 # a fleet, no secret
        self._devices: list[Device] = []

    @property
    def endpoint_names(self) -> Sequence[str]:
        """What the devices call themselves now: a bootstrap may give a new name."""
        return [device.endpoint_name for device in self._devices]

    @property
    def stopped(self) -> bool:
        """Whether it was asked to end."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End the run as soon as possible."""
        self._stopped.set()

    def __enter__(self) -> Self:
        """Raise InvalidConfiguration where the first server has no address.

        Or where the system allows too few open files, or devices lack credentials.
        """
        self._devices = [self._device(each) for each in range(self._options.devices)]
        self._sockets.open(self._options.devices)
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave without a word."""
        self._channels.close()
        self._sockets.close()

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

    def _device(self, number: int) -> Device:
        options = self._options
        name, url = f"{options.prefix}-{number:06}", options.target.first
        account = Account(url)
        if accounts.scheme(url) != PLAIN:
            if options.factory is None:
                raise InvalidConfiguration(url, "needs credentials")
            credential = options.factory.credential(name)
            account = Account(url, credential, options.anchor)
        return Device(name, options, self._chance, factory=account)

    def _turn(self, now: float) -> None:
        for failure in self._layer.tick(now):
            self._failed(failure, now)
        for place, event in self._channels.tick(now):
            self._happened(place, event, now)
        while self._turns and self._turns[0][0] <= now:
            due, number = heapq.heappop(self._turns)
            device = self._devices[number]
            if device.turn != due:
                continue  # the device has changed its mind meanwhile
            ask = device.act(now)
            if ask is not None:
                self._send(number, ask, now)
            self._notify(number, now)
            self._plan(number)
        self._flush()

    def _notify(self, number: int, now: float) -> None:
        """Tell what has changed, over the way that a device has by now."""
        device = self._devices[number]
        place = Place(number, self._sockets.server(device.account.url))
        if place not in self._pending:
            for message in device.notifications(
                lambda: self._layer.new_message_id(place, now=now)
            ):
                self._layer.send(codec.encode(message), place)

    def _plan(self, number: int) -> None:
        turn = self._devices[number].turn
        if turn < math.inf:
            heapq.heappush(self._turns, (turn, number))

    def _send(self, number: int, ask: Ask, now: float) -> None:
        """Send a request, over a channel that may have to be opened first."""
        place = Place(number, self._sockets.server(ask.account.url))
        if ask.way is Way.NEW_PORT:
            self._sockets.rebind(number)
        if ask.account.credential is None or (
            ask.way is not Way.NEW_HANDSHAKE
            and self._channels.is_open(place, ask.account)
        ):
            self._begin(place, ask, now)
        else:
            self._pending[place] = ask
            self._channels.open(place, ask.account, now)

    def _begin(self, place: Place, ask: Ask, now: float) -> None:
        exchange = self._layer.request(
            place,
            ask.code,
            path=ask.path,
            queries=ask.queries,
            options=ask.options,
            payload=ask.payload,
            now=now,
        )
        self._asked[exchange] = Asked(place.number, ask.operation, now)

    def _take(self, number: int, datagram: bytes, server: Address) -> None:
        """Take a datagram, unless its device is away."""
        now = monotonic()
        place = Place(number, server)
        if self._devices[number].away:
            return
        if self._sockets.is_plain(server):
            self._receive(place, datagram, now)
            return
        for event in self._channels.receive(place, datagram, now):
            self._happened(place, event, now)

    def _happened(self, place: Place, event: Event, now: float) -> None:
        match event:
            case Heard(message):
                self._receive(place, message, now)
            case Opened() as opened:
                self._opened(place, opened, now)
            case Closed() as closed:
                self._closed(place, closed, now)

    def _opened(self, place: Place, opened: Opened, now: float) -> None:
        """Go on with what has waited for the channel, and leave the server before."""
        outcome = Handshake.RESUMED if opened.resumed else Handshake.FULL
        self.report.handshake(outcome, opened.seconds)
        self._note(place.number, HANDSHAKE, outcome)
        before = self._places.get(place.number, place)
        if before != place:
            self._channels.leave(before)
        self._places[place.number] = place
        self._begin(place, self._pending.pop(place), now)

    def _closed(self, place: Place, closed: Closed, now: float) -> None:
        device = self._devices[place.number]
        waited = self._pending.pop(place, None) is not None
        if waited:
            self.report.handshake(Handshake.FAILED, 0)
            self._note(place.number, HANDSHAKE, Handshake.FAILED, closed.reason)
        else:
            waited = self._cancel(place)
        if closed.refused and place.server == self._sockets.server(device.account.url):
            device.refused(now)
        elif waited:
            device.unanswered(now)
        self._plan(place.number)

    def _cancel(self, place: Place) -> bool:
        """Expect no answer from a server any more; say whether one was expected."""
        expected = [each for each in self._asked if each.address == place]
        for exchange in expected:
            self._layer.cancel(exchange)
            self.report.unanswered(self._asked.pop(exchange).operation)
        return bool(expected)

    def _receive(self, place: Place, datagram: bytes, now: float) -> None:
        if datagram[:2] == _RESET:
            message_id = int.from_bytes(datagram[2:4], "big")
            self._devices[place.number].reset(message_id)
        match self._layer.receive(datagram, place, now):
            case Reply() as reply:
                self._answered(reply, now)
            case Failure() as failure:
                self._failed(failure, now)
            case Request(message=message) as request:
                answer = self._devices[place.number].asked(message, now)
                if answer is not None:
                    self._layer.respond(request, answer, now=now)
                self._plan(place.number)
            case Notification() as notification:
                self._layer.reject(notification, now=now)

    def _answered(self, reply: Reply[Place], now: float) -> None:
        asked = self._asked.pop(reply.exchange)
        device = self._devices[asked.number]
        code = code_text(reply.message.code)
        self.report.answered(
            asked.operation,
            code,
            now - asked.since,
            repeated=reply.exchange.repeated,
        )
        self._note(asked.number, asked.operation, code)
        device.answered(asked.operation, reply.message, now)
        if device.registered:
            self.report.arrived(asked.number)
        self._plan(asked.number)

    def _failed(self, failure: Failure[Place], now: float) -> None:
        """Try again later; a secured server may have lost what the channel was."""
        asked = self._asked.pop(failure.exchange)
        self._channels.lose(failure.exchange.address)
        self.report.unanswered(asked.operation, repeated=failure.exchange.repeated)
        self._devices[asked.number].unanswered(now)
        self._plan(asked.number)

    def _note(self, number: int, operation: str, code: str, reason: str = "") -> None:
        if self._journal is not None:
            name = self._devices[number].endpoint_name
            self._journal.answered(name, operation, code, reason=reason)

    def _flush(self) -> None:
        for datagram, place in self._layer.datagrams():
            if self._sockets.is_plain(place.server):
                self._transmit(datagram, place)
            else:
                self._channels.send(place, datagram)

    def _transmit(self, datagram: bytes, place: Place) -> None:
        self._sockets.send(place.number, datagram, place.server)
