"""One simulated device that tests lead turn by turn, without a server."""

import random
from collections.abc import Mapping
from dataclasses import replace

from homeport.coap.codec import Code, Message, Option, Type
from homeport.simulator.accounts import Account
from homeport.simulator.device import Ask, Device, State
from homeport.simulator.options import FleetOptions, Habit, Target

LWM2M = "coap://127.0.0.1:5683"
BOOTSTRAP = "coap://127.0.0.1:5783"
OPTIONS = FleetOptions(1, Target(LWM2M), mix={Habit.UPDATE: 1})
BOOTSTRAPPING = replace(OPTIONS, target=Target(bootstrap=BOOTSTRAP))
LOCATION = ("rd", "abc")
CREATED = Message(
    Type.ACK,
    Code.CREATED,
    1,
    options=tuple((Option.LOCATION_PATH, part.encode()) for part in LOCATION),
)


def answer(code: Code, *options: tuple[int, bytes]) -> Message:
    """Make an answer of a server."""
    return Message(Type.ACK, code, 1, options=options)


def request(code: Code, *path: str, payload: bytes = b"") -> Message:
    """Make a request of a server."""
    options = tuple((Option.URI_PATH, part.encode()) for part in path)
    return Message(Type.CON, code, 1, options=options, payload=payload)


def made(options: FleetOptions = OPTIONS, factory: Account | None = None) -> Device:
    """Make a device that has done nothing yet."""
    return Device(
        "urn:dev:1",
        options,
        random.Random(1),
        factory=factory or Account(options.target.first),
    )


def registered(mix: Mapping[Habit, float] = OPTIONS.mix) -> Device:
    """Make a device that is registered; ``mix`` is what it does then."""
    device = made(replace(OPTIONS, mix=mix))
    device.act(0)
    device.answered("register", CREATED, 0)
    assert device.state is State.REGISTERED
    return device


def act(device: Device, now: float = 0) -> Ask:
    """Take a turn that asks a server for something; return what."""
    ask = device.act(now)
    assert ask is not None
    return ask


def asked(device: Device, code: Code, *path: str, payload: bytes = b"") -> Code:
    """Ask it as a server does; return the code of its answer."""
    answer = device.asked(request(code, *path, payload=payload), 5)
    assert answer is not None
    return answer.code
