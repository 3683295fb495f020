"""What one simulated device does, turn by turn."""

import math
from dataclasses import replace

import pytest

from homeport.coap.codec import Code, Message, Option, Type
from homeport.simulator.accounts import Account
from homeport.simulator.device import GRACE_SECONDS, RETRY_SECONDS, Ask, Way
from homeport.simulator.dialects import IZUMA, STRUCTURE
from homeport.simulator.options import Habit
from tests.support.device_turns import (
    CREATED,
    LOCATION,
    LWM2M,
    OPTIONS,
    act,
    answer,
    asked,
    made,
    registered,
)


def test_a_register_says_who_it_is_and_what_it_has() -> None:
    ask = act(made())
    assert (ask.operation, ask.account.url) == ("register", LWM2M)
    assert (ask.code, ask.path) == (Code.POST, ("rd",))
    assert ask.queries == ("ep=urn:dev:1", "lt=60", "lwm2m=1.1", "b=U")
    assert ask.payload.decode() == STRUCTURE
    assert ask.options == ((Option.CONTENT_FORMAT, b"\x28"),)


def test_one_that_may_sleep_says_so() -> None:
    ask = act(made(replace(OPTIONS, mix={Habit.SLEEP: 1})))
    assert ask.queries[-1] == "Q"


def test_a_device_waits_for_the_answer() -> None:
    device = made()
    device.act(0)
    assert device.turn == math.inf
    assert not device.registered


def test_registered_it_acts_within_its_lifetime() -> None:
    device = registered()
    assert device.registered
    assert 0 < device.turn <= 45


def test_a_created_without_location_is_no_registration() -> None:
    device = made()
    device.act(0)
    device.answered("register", answer(Code.CREATED), 0)
    assert (device.registered, device.turn) == (False, RETRY_SECONDS)


def test_a_server_that_is_busy_says_when_to_come_back() -> None:
    device = made()
    device.act(0)
    held = answer(Code.TOO_MANY_REQUESTS, (Option.MAX_AGE, b"\x3c"))
    device.answered("register", held, 100)
    assert device.turn == 160
    assert act(device, 160).operation == "register"


def test_nobody_answers_and_it_tries_again() -> None:
    device = made()
    device.act(0)
    device.unanswered(62)
    assert device.turn == 62 + RETRY_SECONDS
    assert act(device, 67).operation == "register"


def test_an_update_says_only_that_it_is_there() -> None:
    assert act(registered()) == Ask("update", Account(LWM2M), Code.POST, LOCATION)


def test_updated_it_goes_on() -> None:
    device = registered()
    device.act(10)
    device.answered("update", answer(Code.CHANGED), 10)
    assert device.registered
    assert 10 < device.turn <= 55


def test_unknown_it_registers_at_once() -> None:
    device = registered()
    device.act(10)
    device.answered("update", answer(Code.NOT_FOUND), 10)
    assert (device.registered, device.turn) == (False, 10)
    assert act(device, 10).operation == "register"


def test_a_change_lists_everything_anew() -> None:
    ask = act(registered({Habit.CHANGE: 1}))
    assert ask.operation == "update"
    assert ask.payload.decode().startswith(f"{STRUCTURE},</10/")


def test_deregistered_it_is_gone_and_comes_back() -> None:
    device = registered({Habit.DEREGISTER: 1})
    assert act(device) == Ask("deregister", Account(LWM2M), Code.DELETE, LOCATION)
    device.answered("deregister", answer(Code.DELETED), 0)
    assert device.away
    assert act(device, device.turn).operation == "register"
    assert not device.away


def test_a_deregistration_that_fails_leaves_it_registered() -> None:
    device = registered({Habit.DEREGISTER: 1})
    device.act(0)
    device.answered("deregister", answer(Code.SERVICE_UNAVAILABLE), 0)
    assert device.registered


def test_asleep_it_hears_nothing_and_wakes_with_an_update() -> None:
    device = registered({Habit.SLEEP: 1})
    assert device.act(0) is None
    assert (device.away, device.registered, device.turn) == (True, True, 45)
    assert act(device, 45).operation == "update"
    assert not device.away


def test_vanished_it_stays_away_until_it_has_expired() -> None:
    device = registered({Habit.VANISH: 1})
    assert device.act(0) is None
    assert (device.away, device.registered) == (True, False)
    assert device.turn > OPTIONS.lifetime + GRACE_SECONDS
    assert act(device, device.turn).operation == "register"


def test_a_server_is_answered() -> None:
    device = registered()
    assert asked(device, Code.GET, "3", "0", "0") == Code.CONTENT
    assert asked(device, Code.PUT, "3", "0", "14", payload=b"+01:00") == Code.CHANGED
    assert asked(device, Code.DELETE, "3", "0") == Code.METHOD_NOT_ALLOWED


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        (("3", "0", "4"), "register"),
        (("1", "1", "4"), "deregister"),
        (("1", "1", "8"), "update"),
        (("1", "1", "9"), "update"),
    ],
)
def test_what_a_server_orders_is_done_next(
    path: tuple[str, ...], operation: str
) -> None:
    device = registered({Habit.SLEEP: 1})
    assert asked(device, Code.POST, *path) == Code.CHANGED
    assert device.turn == 5
    assert act(device, 5).operation == operation


def test_a_lifetime_that_was_written_is_told_and_kept() -> None:
    device = registered({Habit.SLEEP: 1})
    asked(device, Code.PUT, "1", "1", "1", payload=b"20")
    assert act(device, 5).queries == ("lt=20",)
    device.answered("update", answer(Code.NOT_FOUND), 5)
    assert "lt=20" in act(device, 5).queries


def test_what_is_observed_is_told_while_it_is_registered() -> None:
    device = registered()
    options = tuple((Option.URI_PATH, part) for part in (b"3", b"0", b"9"))
    observing = Message(
        Type.CON, Code.GET, 1, b"\x01", ((Option.OBSERVE, b""), *options)
    )
    device.asked(observing, 0)
    assert list(device.notifications(lambda: 7)) == []
    device.act(1)
    (told,) = device.notifications(lambda: 7)
    assert (told.message_id, told.token, told.payload) == (7, b"\x01", b"99")
    device.reset(7)
    device.act(2)
    assert list(device.notifications(lambda: 8)) == []


def test_without_bootstrap_a_refused_device_registers_anew() -> None:
    device = registered()
    device.refused(3)
    assert act(device, 8).operation == "register"


@pytest.mark.parametrize(
    ("habit", "way"),
    [
        (Habit.UPDATE, Way.KNOWN),
        (Habit.REBIND, Way.NEW_PORT),
        (Habit.RESUME, Way.NEW_HANDSHAKE),
    ],
)
def test_an_update_goes_its_way(habit: Habit, way: Way) -> None:
    ask = act(registered({habit: 1}))
    assert (ask.operation, ask.way) == ("update", way)


def test_one_that_was_gone_shakes_hands_anew() -> None:
    device = registered({Habit.VANISH: 1})
    assert device.act(0) is None
    assert act(device, device.turn).way is Way.NEW_HANDSHAKE


def test_the_same_seed_makes_the_same_choices() -> None:
    mix = {Habit.UPDATE: 1.0, Habit.CHANGE: 1.0, Habit.DEREGISTER: 1.0}
    asks = [
        [device.act(now) for now in range(20)]
        for device in (registered(mix), registered(mix))
    ]
    assert asks[0] == asks[1]
    assert len({ask.operation for ask in asks[0] if ask}) == 2


def test_an_izuma_device_says_in_updates_what_is_new() -> None:
    device = made(replace(OPTIONS, mix={Habit.CHANGE: 1}, dialect=IZUMA))
    device.act(0)
    device.answered("register", CREATED, 0)
    ask = act(device)
    assert ask.queries == ("et=default",)
    assert ask.payload.startswith(b"</10/")
    assert b"," not in ask.payload


def test_one_that_is_reset_and_has_no_bootstrap_registers_anew() -> None:
    device = registered()
    asked(device, Code.PUT, "1", "1", "1", payload=b"20")
    device.act(5)
    device.answered("update", answer(Code.CHANGED), 5)
    asked(device, Code.POST, "3", "0", "5")
    assert "lt=60" in act(device, 5).queries
