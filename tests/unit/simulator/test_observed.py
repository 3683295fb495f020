"""What is observed of a simulated device."""

from itertools import count

import pytest

from homeport.coap.codec import Code, Message, Option, Type
from homeport.protocol.paths import Path
from homeport.simulator import answering
from homeport.simulator.objects import BATTERY, Objects
from homeport.simulator.observed import MOST, Observed

NEVER, BEGIN, END = None, b"", b"\x01"


class Scene:
    """A device and who observes it."""

    def __init__(self) -> None:
        self.objects = Objects("urn:dev:1", lifetime=60)
        self.observed = Observed(self.objects)
        self._ids = count(100)

    def ask(
        self, observe: bytes | None, token: bytes = b"\x01", path: str = "/3/0/9"
    ) -> Message:
        options = [
            (int(Option.URI_PATH), part.encode()) for part in path.split("/")[1:]
        ]
        if observe is not None:
            options.append((int(Option.OBSERVE), observe))
        request = Message(Type.CON, Code.GET, 1, token, tuple(options))
        answer = self.observed.answered(
            request, answering.answer(self.objects, request)
        )
        return Message(
            Type.ACK, answer.code, 1, token, tuple(answer.options), answer.payload
        )

    def told(self) -> list[Message]:
        return list(self.observed.notifications(lambda: next(self._ids)))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_what_is_observed_is_told_when_it_changes(scene: Scene) -> None:
    begun = scene.ask(BEGIN)
    assert begun.number(Option.OBSERVE) == 1
    assert scene.told() == []
    scene.objects.drift(0)
    (told,) = scene.told()
    assert (told.type, told.code, told.token) == (Type.CON, Code.CONTENT, b"\x01")
    assert (told.payload, told.number(Option.OBSERVE)) == (b"99", 2)
    assert scene.told() == []


def test_it_ends_when_that_is_asked_for(scene: Scene) -> None:
    scene.ask(BEGIN)
    assert scene.ask(END).value(Option.OBSERVE) is None
    scene.objects.drift(0)
    assert scene.told() == []


def test_it_ends_when_nobody_wants_it(scene: Scene) -> None:
    scene.ask(BEGIN, b"\x01")
    scene.ask(BEGIN, b"\x02")
    scene.objects.drift(0)
    first, _ = scene.told()
    scene.observed.reset(first.message_id)
    scene.observed.reset(9_999)
    scene.objects.drift(0)
    assert [each.token for each in scene.told()] == [b"\x02"]


def test_it_ends_with_what_is_observed(scene: Scene) -> None:
    scene.ask(BEGIN, path="/3303/0/5700")
    scene.objects._remove(Path((3303, 0, 5700)))
    (told,) = scene.told()
    assert told.code >> 5 == 4
    assert told.value(Option.OBSERVE) is None
    assert scene.told() == []


@pytest.mark.parametrize(("observe", "path"), [(NEVER, "/3/0/9"), (BEGIN, "/4")])
def test_what_is_not_observed_is_not_told(
    scene: Scene, observe: bytes | None, path: str
) -> None:
    assert scene.ask(observe, path=path).value(Option.OBSERVE) is None
    assert len(scene.observed) == 0


def test_a_new_registration_observes_nothing(scene: Scene) -> None:
    scene.ask(BEGIN)
    scene.observed.clear()
    assert len(scene.observed) == 0


def test_so_many_are_observed_and_no_more(scene: Scene) -> None:
    for number in range(MOST + 1):
        scene.ask(BEGIN, bytes([number]))
    assert len(scene.observed) == MOST


def test_a_device_may_observe_by_itself(scene: Scene) -> None:
    scene.observed.begin(b"\x01\x5e", BATTERY)
    (told,) = scene.told()
    assert (told.token, told.payload) == (b"\x01\x5e", b"100")
