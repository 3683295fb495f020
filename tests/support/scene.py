"""A downlink whose store, clock and devices are a test."""

import random
from dataclasses import dataclass, field

import orjson

from homeport.coap import codec
from homeport.coap.codec import Code, Message, Type
from homeport.coap.layer import Failure, MessageLayer, Reply
from homeport.coap.transport import Origin
from homeport.identity import NOBODY
from homeport.names import DeviceId, EdgeId
from homeport.protocol import device_requests
from homeport.protocol.device_requests import DeviceRequest, Method
from homeport.store.operations import Operation, Outcome, Result, TakenRequest
from homeport.store.requests import Complete, Take
from services.lwm2m.downlink import Downlink
from services.lwm2m.ports import Place, Ports, Told
from tests.support.timers import Clock

KETTLE = DeviceId("a" * 32)
HERE, THERE = EdgeId("lwm2m-here"), EdgeId("lwm2m-there")
READ = DeviceRequest("one", "key", "mine", Method.GET, "/3/0/9")


@dataclass
class Scene:
    """A downlink, and everybody around it."""

    connected: bool = False
    clock: Clock = field(default_factory=Clock)
    recorded: list[tuple[Operation, Told]] = field(default_factory=list)
    told: list[Message] = field(default_factory=list)
    poked: list[tuple[EdgeId, DeviceId]] = field(default_factory=list)
    unreachable: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.layer: MessageLayer[str] = MessageLayer(chance=random.Random(1))
        self.downlink: Downlink[str] = Downlink(
            self.layer,
            Ports(
                lambda operation, told: self.recorded.append((operation, told)),
                lambda _device, _peer, message: self.told.append(message),
                lambda peer: peer not in self.unreachable,
                lambda peer: Origin(peer, peer, NOBODY),
                lambda: None,
                lambda: None,
            ),
            Place(
                HERE,
                lambda _: 7,
                lambda edge, device: self.poked.append((edge, device)),
                lambda: 1_000,
            ),
            self.clock,
            connected=self.connected,
        )
        self.downlink.heard(KETTLE, "kettle", self.clock.time(), awake=93.0)

    def next(self, kind: type) -> object:
        """Take the next operation that is to be recorded."""
        operation, self._told = self.recorded.pop(0)
        assert isinstance(operation, kind)
        return operation

    def outcome(self, outcome: Outcome | Result | None) -> None:
        """Say what came of the operation that was taken last."""
        made = Outcome(outcome) if isinstance(outcome, Result) else outcome
        self._told(made)

    def take(self, request: DeviceRequest = READ) -> None:
        """Let a request be taken."""
        self.next(Take)
        self.outcome(taken(request))

    def sent(self) -> list[Message]:
        return [codec.decode(datagram) for datagram, _ in self.layer.datagrams()]

    def say(self, message: Message, peer: str = "kettle") -> None:
        """Let a device say something."""
        now = self.clock.time()
        match self.layer.receive(codec.encode(message), peer, now):
            case Reply() as reply:
                self.downlink.answered(reply, now)
            case Failure() as failure:
                self.downlink.failed(failure)
            case _:
                self.downlink.acknowledged(peer, now)

    def wait(self, seconds: float) -> None:
        """Let time pass, second by second."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            for failure in self.layer.tick(self.clock.time()):
                self.downlink.failed(failure)


def taken(request: DeviceRequest = READ) -> TakenRequest:
    return TakenRequest(
        Result.TAKEN,
        profile="lwm2m-1.1",
        body=device_requests.build(request),
        identity=NOBODY.name,
        version="1.1",
    )


def answer(asked: Message, *options: tuple[int, bytes]) -> Message:
    return Message(Type.ACK, Code.CONTENT, asked.message_id, asked.token, options, b"1")


def said(complete: object) -> str:
    assert isinstance(complete, Complete)
    return str(orjson.loads("{" + complete.outcome[1:] + "}")["outcome"])
