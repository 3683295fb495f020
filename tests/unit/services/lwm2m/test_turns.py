"""What is under way with devices, and how it is found."""

import random

from homeport.coap.codec import Code
from homeport.coap.layer import Exchange, MessageLayer
from homeport.names import DeviceId
from services.lwm2m.turns import Stage, Turn, Turns

KETTLE = DeviceId("a" * 32)


class Timer:
    """Knows whether it was cancelled."""

    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


def exchange() -> Exchange[str]:
    layer: MessageLayer[str] = MessageLayer(chance=random.Random(1))
    return layer.request("here", Code.GET, now=0)


def sent(turns: Turns[str]) -> Turn[str]:
    turn = turns.begin(KETTLE, "here", 1.0)
    turns.sent(turn, exchange())
    return turn


def test_a_turn_is_found_by_its_device_from_the_beginning() -> None:
    turns: Turns[str] = Turns()
    turn = turns.begin(KETTLE, "here", 1.0)
    assert turn.stage is Stage.TAKING
    assert (turns.of(KETTLE), turns.sent_to("here")) == (turn, None)
    assert list(turns) == [turn]


def test_while_something_is_sent_it_is_found_by_what_may_come() -> None:
    turns: Turns[str] = Turns()
    turn = sent(turns)
    assert turn.stage is Stage.SENT
    assert turn.exchange is not None
    assert turns.of_exchange(turn.exchange) is turns.sent_to("here") is turn
    assert turns.of_exchange(exchange()) is None


def test_when_nothing_is_expected_any_more_its_timer_is_cancelled() -> None:
    turns: Turns[str] = Turns()
    turn = sent(turns)
    turn.timer = timer = Timer()
    turns.over(turn)
    turns.over(turn)
    assert timer.cancelled
    assert turn.exchange is not None
    assert turns.of_exchange(turn.exchange) is turns.sent_to("here") is None
    assert turns.of(KETTLE) is turn


def test_one_that_has_ended_is_not_found() -> None:
    turns: Turns[str] = Turns()
    turn = sent(turns)
    turns.end(turn)
    assert len(turns) == 0
    assert turns.sent_to("here") is None
    assert turns.of(KETTLE) is None
