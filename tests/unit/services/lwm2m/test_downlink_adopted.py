"""What another edge has asked a device that answers this one."""

from dataclasses import replace

import pytest

from homeport.coap.codec import Code, Message, Option, Type
from homeport.coap.layer import Notification
from homeport.protocol.device_requests import DeviceRequest, Method
from homeport.store.operations import Outcome, Result
from homeport.store.requests import Complete, Hold, Take
from services.lwm2m.downlink import LEASE_SECONDS
from tests.support.scene import HERE, KETTLE, READ, Scene, said, taken

PATIENCE = 93.0
TOKEN = b"\x0a\x0b\x0c\x0d"


@pytest.fixture
def scene() -> Scene:
    return Scene()


def adopt(scene: Scene, heard: Message, request: DeviceRequest = READ) -> None:
    outcome = replace(taken(request), token=TOKEN.hex())
    scene.downlink.adopt(KETTLE, "kettle", outcome, heard)


def test_what_another_edge_has_asked_ends_by_what_was_heard(scene: Scene) -> None:
    scene.downlink.close()
    adopt(scene, Message(Type.ACK, Code.CONTENT, 7, TOKEN, (), b"1"))
    assert said(scene.next(Complete)) == "answered"
    scene.outcome(Outcome(Result.RECORDED))
    assert (scene.sent(), len(scene.downlink)) == ([], 0)


def test_what_was_only_acknowledged_is_waited_for(scene: Scene) -> None:
    adopt(scene, Message(Type.ACK, Code.EMPTY, 7))
    scene.clock.advance(LEASE_SECONDS / 3)
    assert scene.next(Hold) == Hold(7, KETTLE, "one", 1, 15_000)
    scene.say(Message(Type.CON, Code.CONTENT, 1, TOKEN, (), b"1"))
    assert said(scene.next(Complete)) == "answered"


def test_an_answer_may_have_come_before_that_was_known(scene: Scene) -> None:
    answered = Message(Type.CON, Code.CONTENT, 1, TOKEN, (), b"1")
    assert not scene.downlink.overtaken(Notification(answered, "kettle"))
    adopt(scene, Message(Type.ACK, Code.EMPTY, 7))
    another = replace(answered, token=b"\x01")
    assert not scene.downlink.overtaken(Notification(another, "kettle"))
    assert scene.downlink.overtaken(Notification(answered, "kettle"))
    assert said(scene.next(Complete)) == "answered"


def test_what_was_acknowledged_and_not_answered_is_not_asked_again(
    scene: Scene,
) -> None:
    adopt(scene, Message(Type.ACK, Code.EMPTY, 7), replace(READ, retries=9))
    scene.wait(PATIENCE)
    *_, (ended, _) = scene.recorded
    assert said(ended) == "timeout"
    assert scene.sent() == []


def test_an_answer_that_nobody_understands_ends_it(scene: Scene) -> None:
    block = ((int(Option.BLOCK2), b"\x30"),)
    written = replace(READ, method=Method.PUT, retries=9)
    adopt(scene, Message(Type.ACK, Code.CHANGED, 7, TOKEN, block, b"1"), written)
    assert said(scene.next(Complete)) == "unreachable"


def test_who_has_answered_another_edge_is_asked_no_more(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.take()
    scene.sent()
    adopt(scene, Message(Type.ACK, Code.EMPTY, 7))
    assert len(scene.downlink) == 1
    scene.clock.advance(2)
    scene.downlink.stirred(KETTLE)
    assert scene.sent() == []


def test_what_is_under_way_with_a_device_does_not_end_what_was_heard(
    scene: Scene,
) -> None:
    scene.downlink.wake(KETTLE)
    scene.next(Take)
    adopt(scene, Message(Type.ACK, Code.EMPTY, 7))
    scene.outcome(Outcome(Result.BUSY, edge=HERE))
    assert len(scene.downlink) == 1
    scene.say(Message(Type.CON, Code.CONTENT, 1, TOKEN, (), b"1"))
    assert said(scene.next(Complete)) == "answered"
