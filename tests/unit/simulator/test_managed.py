"""What a server makes of a simulated device."""

from itertools import count

import pytest

from homeport.coap.codec import Code, Message, Option, Type
from homeport.simulator.dialects import IZUMA, LWM2M_1_1
from homeport.simulator.managed import Managed
from homeport.simulator.objects import Action


def request(code: Code, path: str, payload: bytes = b"") -> Message:
    options = tuple(
        (int(Option.URI_PATH), part.encode()) for part in path.split("/") if part
    )
    return Message(Type.CON, code, 1, b"\x01", options, payload)


def managed(dialect: object = LWM2M_1_1) -> Managed:
    return Managed(dialect, "urn:dev:1", lifetime=60)


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("/3/0/4", Action.REBOOT),
        ("/3/0/5", Action.RESET),
        ("/1/1/4", Action.LEAVE),
        ("/1/1/8", Action.UPDATE),
        ("/1/1/9", Action.BOOTSTRAP),
        ("/5/0/2", None),
    ],
)
def test_what_is_executed_is_done_once(path: str, action: Action | None) -> None:
    device = managed()
    answer = device.answer(request(Code.POST, path))
    assert answer is not None
    assert answer.code == Code.CHANGED
    assert device.take_action() is action
    assert device.take_action() is None


def test_an_izuma_device_resets_when_it_is_rebooted() -> None:
    device = managed(IZUMA)
    device.answer(request(Code.POST, "/3/0/5"))
    assert device.take_action() is None
    device.answer(request(Code.POST, "/3/0/4"))
    assert device.take_action() is Action.RESET


def test_another_lifetime_is_told_in_an_update() -> None:
    device = managed()
    device.answer(request(Code.PUT, "/1/1/1", b"20"))
    assert (device.take_action(), device.lifetime) == (Action.UPDATE, 20)
    device.answer(request(Code.PUT, "/3/0/14", b"+01:00"))
    assert device.take_action() is None


def test_a_refused_request_changes_nothing() -> None:
    device = managed()
    device.answer(request(Code.POST, "/3/0/9"))
    assert device.take_action() is None


@pytest.mark.parametrize(
    ("code", "path"), [(Code.FETCH, "/"), (Code.iPATCH, "/"), (Code.GET, "/")]
)
def test_an_izuma_device_says_nothing_to_some_requests(code: Code, path: str) -> None:
    assert managed(IZUMA).answer(request(code, path)) is None
    assert managed().answer(request(code, path)) is not None


def test_an_izuma_device_observes_what_its_links_say() -> None:
    device, ids = managed(IZUMA), count(1)
    device.registered()
    (told,) = device.notifications(lambda: next(ids))
    assert (told.token, told.payload) == (b"\x01\x5e", b"0")
    device.drift(0)
    (told,) = device.notifications(lambda: next(ids))
    device.reset(told.message_id)
    device.drift(0)
    assert list(device.notifications(lambda: next(ids))) == []
