"""Device requests on their way, where the store is a test."""

from dataclasses import replace

import pytest

from homeport.coap.codec import Code, Message, Option, Type
from homeport.coap.layer import Notification
from homeport.names import DeviceId
from homeport.store.operations import Outcome, Result
from homeport.store.requests import Complete, Hold, Postpone, Take
from services.lwm2m.downlink import LEASE_SECONDS, RETRY_SECONDS
from tests.support.scene import HERE, KETTLE, READ, THERE, Scene, answer, said, taken

PATIENCE = 93.0


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_who_is_not_here_is_not_woken(scene: Scene) -> None:
    assert not scene.downlink.wake(DeviceId("b" * 32))
    assert scene.recorded == []


def test_who_was_heard_by_another_edge_is_asked_where_that_was(scene: Scene) -> None:
    lamp = DeviceId("b" * 32)
    scene.clock.advance(500)
    scene.downlink.recalled(lamp, "lamp", silent=400, awake=93.0)
    assert scene.next(Take) == Take(7, lamp, 400_000, 93_000, 15_000)
    scene.outcome(taken())
    scene.sent()
    scene.wait(PATIENCE)
    assert scene.downlink.contacts.get(lamp).sleeps


def test_who_has_spoken_meanwhile_is_asked_where_it_speaks(scene: Scene) -> None:
    scene.downlink.recalled(KETTLE, "elsewhere", silent=400, awake=93.0)
    assert scene.next(Take) == Take(7, KETTLE, 0, 93_000, 15_000)
    scene.outcome(taken())
    assert [peer for _, peer in scene.layer.datagrams()] == ["kettle"]


def test_where_another_device_was_heard_since_nobody_else_is_asked(
    scene: Scene,
) -> None:
    lamp = DeviceId("b" * 32)
    scene.downlink.recalled(lamp, "kettle", silent=400, awake=93.0)
    assert scene.recorded == []
    assert scene.downlink.contacts.device_at("kettle") == KETTLE


def test_a_request_is_taken_sent_and_ended(scene: Scene) -> None:
    scene.clock.advance(5)
    assert scene.downlink.wake(KETTLE)
    assert scene.next(Take) == Take(7, KETTLE, 5_000, 93_000, 15_000)
    scene.outcome(taken())
    (asked,) = scene.sent()
    scene.say(answer(asked))
    assert said(scene.next(Complete)) == "answered"
    assert len(scene.downlink) == 1
    scene.outcome(Result.RECORDED)
    assert len(scene.downlink) == 0
    assert scene.recorded == []


def test_one_thing_is_under_way_at_a_time(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.downlink.wake(KETTLE)
    scene.take()
    scene.downlink.wake(KETTLE)
    (asked,) = scene.sent()
    assert scene.recorded == []
    scene.say(answer(asked))
    scene.next(Complete)
    scene.outcome(Result.RECORDED)
    scene.next(Take)


def test_the_store_says_that_more_waits(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.take()
    (asked,) = scene.sent()
    scene.say(answer(asked))
    scene.next(Complete)
    scene.outcome(Outcome(Result.RECORDED, waiting=True))
    scene.next(Take)


def test_a_queue_that_has_grown_meanwhile_is_looked_at_again(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.next(Take)
    scene.downlink.wake(KETTLE)
    scene.outcome(Result.EMPTY)
    scene.next(Take)
    scene.outcome(Result.EMPTY)
    assert scene.recorded == []


@pytest.mark.parametrize("outcome", [None, Result.STALE])
def test_a_store_that_is_away_is_asked_again(
    scene: Scene, outcome: Result | None
) -> None:
    scene.downlink.wake(KETTLE)
    scene.next(Take)
    scene.outcome(outcome)
    assert scene.recorded == []
    scene.clock.advance(RETRY_SECONDS)
    scene.take()
    (asked,) = scene.sent()
    scene.say(answer(asked))
    ended = scene.next(Complete)
    scene.outcome(outcome)
    scene.clock.advance(RETRY_SECONDS)
    assert scene.next(Complete) == ended
    scene.outcome(Result.RECORDED)
    assert len(scene.downlink) == 0


def test_who_is_busy_with_another_edge_is_looked_at_when_that_may_be_gone(
    scene: Scene,
) -> None:
    scene.downlink.wake(KETTLE)
    scene.next(Take)
    scene.outcome(Outcome(Result.BUSY, edge=THERE))
    scene.clock.advance(LEASE_SECONDS - 1)
    assert scene.recorded == []
    scene.clock.advance(1)
    scene.next(Take)


def test_the_edge_that_has_a_device_is_poked(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.next(Take)
    scene.outcome(Outcome(Result.ELSEWHERE, edge=THERE))
    assert scene.poked == [(THERE, KETTLE)]
    assert not scene.downlink.wake(KETTLE)


def test_who_sleeps_is_not_asked_for_until_it_is_heard(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.next(Take)
    scene.outcome(Result.ASLEEP)
    assert scene.downlink.wake(KETTLE)
    assert scene.recorded == []
    assert scene.downlink.contacts.heard(KETTLE, "kettle", scene.clock.time())
    scene.downlink.wake(KETTLE)
    scene.next(Take)


def test_a_request_under_way_is_held_until_it_ends(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.take()
    (asked,) = scene.sent()
    scene.say(Message(Type.ACK, Code.EMPTY, asked.message_id))
    assert scene.next(Hold) == Hold(7, KETTLE, "one", 1, 15_000)
    scene.outcome(Result.RECORDED)
    for _ in range(3):
        scene.clock.advance(LEASE_SECONDS / 3)
        assert scene.next(Hold) == Hold(7, KETTLE, "one", 1, 15_000)
        scene.outcome(None)
    scene.say(Message(Type.CON, Code.CONTENT, 1, asked.token, (), b"1"))
    assert said(scene.next(Complete)) == "answered"
    scene.outcome(Result.RECORDED)
    scene.clock.advance(LEASE_SECONDS)
    assert scene.recorded == []


def test_who_is_heard_is_sent_again_what_it_has_not_acknowledged(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.take()
    (asked,) = scene.sent()
    scene.clock.advance(2)
    scene.downlink.stirred(KETTLE)
    assert scene.sent() == [asked]
    scene.say(Message(Type.ACK, Code.EMPTY, asked.message_id))
    scene.clock.advance(2)
    scene.downlink.stirred(KETTLE)
    assert scene.sent() == []


def test_one_that_was_cleared_is_given_up(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.take()
    (asked,) = scene.sent()
    scene.downlink.examine(KETTLE)
    scene.next(Hold)
    scene.outcome(Result.UNKNOWN)
    assert len(scene.downlink) == 0
    scene.say(answer(asked))
    scene.wait(PATIENCE)
    assert scene.recorded == []
    assert scene.sent() == []


def test_who_does_not_answer_is_left_alone(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.take(replace(READ, retries=1))
    scene.wait(PATIENCE)
    operations = [operation for operation, _ in scene.recorded]
    assert isinstance(operations[-1], Postpone)
    _, scene._told = scene.recorded[-1]
    scene.recorded.clear()
    scene.outcome(Outcome(Result.POSTPONED, edge=HERE))
    assert scene.downlink.wake(KETTLE)
    assert (scene.recorded, scene.poked) == ([], [])


def test_a_device_that_has_moved_is_asked_where_it_is(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.take()
    scene.sent()
    scene.downlink.heard(KETTLE, "elsewhere", scene.clock.time(), awake=93.0)
    scene.downlink.wake(KETTLE)
    assert scene.next(Postpone) == Postpone(7, KETTLE, "one")
    scene.outcome(Outcome(Result.POSTPONED, edge=HERE))
    scene.take()
    assert [peer for _, peer in scene.layer.datagrams()] == ["elsewhere"]


def test_one_that_says_so_again_is_still_being_asked(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.take()
    scene.downlink.heard(KETTLE, "kettle", scene.clock.time(), awake=93.0)
    assert scene.recorded == []
    assert len(scene.downlink) == 1


def test_whoever_was_at_a_place_before_is_asked_there_no_more(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.take()
    scene.downlink.heard(DeviceId("b" * 32), "kettle", scene.clock.time(), awake=93.0)
    assert scene.next(Postpone) == Postpone(7, KETTLE, "one")


def test_who_has_been_taken_over_is_left_to_whoever_has_it(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.take()
    scene.downlink.gone("kettle")
    scene.next(Postpone)
    scene.outcome(Outcome(Result.POSTPONED, edge=THERE))
    assert scene.poked == [(THERE, KETTLE)]


def test_who_is_gone_without_an_answer_is_searched_for(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.take()
    scene.unreachable.add("kettle")
    scene.downlink.gone("kettle")
    scene.next(Postpone)
    scene.outcome(Outcome(Result.POSTPONED, edge=HERE))
    assert scene.poked == [(HERE, KETTLE)]


def test_what_was_acknowledged_before_that_is_held_once_more(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.take()
    (asked,) = scene.sent()
    scene.say(Message(Type.ACK, Code.EMPTY, asked.message_id))
    scene.next(Hold)
    scene.unreachable.add("kettle")
    scene.downlink.gone("kettle")
    assert scene.next(Hold) == Hold(7, KETTLE, "one", 1, 15_000)
    scene.outcome(Result.RECORDED)
    assert len(scene.downlink) == 0


def test_a_connection_that_is_closed_ends_an_attempt() -> None:
    scene = Scene(connected=True)
    scene.downlink.wake(KETTLE)
    scene.take()
    scene.downlink.gone("kettle")
    assert said(scene.next(Complete)) == "disconnected"


def test_who_cannot_be_reached_any_more_is_not_here(scene: Scene) -> None:
    scene.unreachable.add("kettle")
    assert not scene.downlink.wake(KETTLE)
    assert len(scene.downlink.contacts) == 0


def test_who_has_gone_meanwhile_is_not_sent_anything(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.unreachable.add("kettle")
    scene.take()
    scene.next(Postpone)
    assert scene.sent() == []


def test_what_nobody_understands_stays_where_it_is(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.next(Take)
    scene.outcome(replace(taken(), body='{"id":1}'))
    assert (len(scene.downlink), scene.recorded) == (0, [])


def partial(sequence: int) -> Notification[str]:
    options = ((Option.OBSERVE, bytes([sequence])), (Option.BLOCK2, b"\x0e"))
    message = Message(Type.CON, Code.CONTENT, 9, b"\x0a", options, bytes(1024))
    return Notification(message, "kettle")


def test_the_rest_of_a_notification_is_fetched_and_told(scene: Scene) -> None:
    assert scene.downlink.fetch(partial(2), KETTLE, "/5/0/0", scene.clock.time())
    (_, asked) = scene.sent()
    assert asked.path == ("5", "0", "0")
    scene.downlink.wake(KETTLE)
    assert scene.recorded == []
    block = (int(Option.BLOCK2), b"\x16")
    scene.say(
        Message(Type.ACK, Code.CONTENT, asked.message_id, asked.token, (block,), b"x")
    )
    (message,) = scene.told
    assert message.payload == bytes(1024) + b"x"
    assert message.number(Option.OBSERVE) == 2
    scene.next(Take)


def test_who_is_busy_tells_it_again(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    assert not scene.downlink.fetch(partial(2), KETTLE, "/5/0/0", 1_000.0)


def test_a_rest_that_does_not_come_is_told_nobody(scene: Scene) -> None:
    scene.downlink.fetch(partial(2), KETTLE, "/5/0/0", scene.clock.time())
    scene.wait(PATIENCE)
    assert (scene.told, len(scene.downlink), scene.recorded) == ([], 0, [])


def test_at_the_end_nothing_is_taken_and_what_is_under_way_is_left(
    scene: Scene,
) -> None:
    scene.downlink.wake(KETTLE)
    scene.take()
    scene.downlink.close()
    assert not scene.downlink.wake(KETTLE)
    scene.downlink.give_up()
    scene.next(Postpone)
    scene.outcome(Outcome(Result.POSTPONED, edge=HERE))
    assert len(scene.downlink) == 0


def test_a_request_that_is_taken_too_late_is_left(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.downlink.close()
    scene.take()
    scene.next(Postpone)
    assert scene.sent() == []


def test_what_has_stopped_does_nothing_more(scene: Scene) -> None:
    scene.downlink.wake(KETTLE)
    scene.take()
    scene.sent()
    scene.downlink.stop()
    scene.wait(PATIENCE)
    assert (scene.sent(), scene.recorded, len(scene.downlink)) == ([], [], 0)
