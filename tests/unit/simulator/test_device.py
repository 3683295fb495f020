"""What one simulated device does, turn by turn."""

import math
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from homeport.coap.codec import Code, Message, Option, Type
from homeport.dtls.client import DeviceKey
from homeport.dtls.context import CertifiedKey
from homeport.names import AccountId, DeviceId, EndpointName
from homeport.pki import authorities, devices
from homeport.protocol import tlv
from homeport.protocol.formats import codecs
from homeport.protocol.formats.records import Record
from homeport.protocol.paths import ROOT, Path
from homeport.protocol.tlv import ObjectInstance, Resource
from homeport.simulator.accounts import Account
from homeport.simulator.device import (
    BOOTSTRAP_SECONDS,
    GRACE_SECONDS,
    RETRY_SECONDS,
    Ask,
    Device,
    State,
    Way,
)
from homeport.simulator.dialects import IZUMA, LWM2M_1_2, STRUCTURE
from homeport.simulator.options import FleetOptions, Habit, Target
from tests.support import certificates

LWM2M = "coap://127.0.0.1:5683"
SECURED = "coaps://127.0.0.1:5684"
BOOTSTRAP = "coap://127.0.0.1:5783"
DEVICE = DeviceId("d" * 32)
NOW = datetime(2026, 11, 25, tzinfo=UTC)
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
    return Message(Type.ACK, code, 1, options=options)


def request(code: Code, *path: str, payload: bytes = b"") -> Message:
    options = tuple((Option.URI_PATH, part.encode()) for part in path)
    return Message(Type.CON, code, 1, options=options, payload=payload)


SERVER = request(Code.PUT, "1", "1", payload=tlv.encode([Resource(0, b"\x01")]))


def made(options: FleetOptions = OPTIONS, factory: Account | None = None) -> Device:
    return Device(
        "urn:dev:1",
        options,
        random.Random(1),
        factory=factory or Account(options.target.first),
    )


def registered(mix: Mapping[Habit, float] = OPTIONS.mix) -> Device:
    device = made(replace(OPTIONS, mix=mix))
    device.act(0)
    device.answered("register", CREATED, 0)
    assert device.state is State.REGISTERED
    return device


def act(device: Device, now: float = 0) -> Ask:
    ask = device.act(now)
    assert ask is not None
    return ask


def security(
    uri: str = LWM2M,
    mode: int = 3,
    *,
    identity: bytes = b"",
    server: bytes = b"",
    key: bytes = b"",
) -> tuple[Resource, ...]:
    return (
        *(Resource(0, uri.encode()), Resource(1, b"\x00")),
        *(Resource(2, bytes([mode])), Resource(3, identity)),
        *(Resource(4, server), Resource(5, key), Resource(10, b"\x01")),
    )


def with_certificate() -> tuple[Resource, ...]:
    """Make what is written for a developer's device, whose name is its id."""
    key = devices.new_key()
    certificate = devices.issue(
        authorities.create_issuer("Issuer", now=NOW),
        account=AccountId("a" * 32),
        device=DEVICE,
        endpoint_name=EndpointName(DEVICE),
        key=key,
        now=NOW,
        days=1,
    )
    return security(SECURED, 2, identity=certificate, server=b"root", key=key)


def bootstrapped(resources: tuple[Resource, ...] | None = None) -> Device:
    device = made(BOOTSTRAPPING)
    device.act(0)
    device.answered("bootstrap", answer(Code.CHANGED), 0)
    payload = tlv.encode(resources or security())
    written = request(Code.PUT, "0", "1", payload=payload)
    assert device.asked(written, 1).code == Code.CHANGED
    assert device.asked(SERVER, 1).code == Code.CHANGED
    assert device.asked(request(Code.POST, "bs"), 2).code == Code.CHANGED
    return device


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


@pytest.mark.parametrize("code", [Code.FORBIDDEN, Code.BAD_REQUEST])
def test_refused_it_bootstraps_again_where_it_can(code: Code) -> None:
    device, other = bootstrapped(), made()
    for each in (device, other):
        each.act(0)
        each.answered("register", answer(code), 0)
    assert act(device, 5).operation == "bootstrap"
    assert act(other, 5).operation == "register"


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


def asked(device: Device, code: Code, *path: str, payload: bytes = b"") -> Code:
    answer = device.asked(request(code, *path, payload=payload), 5)
    assert answer is not None
    return answer.code


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


def test_a_bootstrap_comes_first_of_all() -> None:
    ask = act(made(BOOTSTRAPPING))
    assert (ask.operation, ask.account.url) == ("bootstrap", BOOTSTRAP)
    assert (ask.code, ask.path) == (Code.POST, ("bs",))
    assert ask.queries == ("ep=urn:dev:1", "pct=112")


def test_finished_it_registers_at_once_where_it_was_sent() -> None:
    device = bootstrapped()
    assert (device.state, device.turn) == (State.REGISTERING, 2)
    ask = act(device, 2)
    assert (ask.operation, ask.account.url) == ("register", LWM2M)


def test_a_whole_instance_tells_the_server_too() -> None:
    device = made(replace(BOOTSTRAPPING, dialect=IZUMA))
    device.act(0)
    payload = tlv.encode([ObjectInstance(0, security())])
    device.asked(request(Code.PUT, "0", payload=payload), 0)
    device.asked(request(Code.POST, "bs"), 0)
    assert act(device).account == Account(LWM2M)


def test_a_bootstrap_that_does_not_go_on_is_asked_for_again() -> None:
    device = made(BOOTSTRAPPING)
    device.act(0)
    device.answered("bootstrap", answer(Code.CHANGED), 0)
    assert device.turn == BOOTSTRAP_SECONDS
    assert act(device, BOOTSTRAP_SECONDS).operation == "bootstrap"


def test_a_bootstrap_server_is_told_the_own_accounts() -> None:
    device = made(BOOTSTRAPPING)
    told = device.asked(request(Code.GET), 0)
    assert told.code == Code.CONTENT
    assert told.payload == b"</>;lwm2m=1.1,</0/0>,</3/0>"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc8",
        tlv.encode([Resource(1, b"\x00")]),
        tlv.encode(security("http://127.0.0.1:5683")),
        tlv.encode(security("coap://127.0.0.1")),
        tlv.encode(security("coap://127.0.0.1:port")),
        tlv.encode([Resource(0, b"\xff")]),
    ],
)
def test_a_server_that_it_cannot_reach_is_refused(payload: bytes) -> None:
    device = made(BOOTSTRAPPING)
    written = request(Code.PUT, "0", "1", payload=payload)
    assert device.asked(written, 0).code == Code.BAD_REQUEST
    finished = device.asked(request(Code.POST, "bs"), 0)
    assert finished.code == Code.NOT_ACCEPTABLE
    assert device.state is State.BOOTSTRAPPING


def test_what_was_deleted_is_no_server_any_more() -> None:
    device = bootstrapped()
    device.act(2)
    device.answered("register", answer(Code.FORBIDDEN), 2)
    assert device.asked(request(Code.DELETE), 3).code == Code.DELETED
    finished = device.asked(request(Code.POST, "bs"), 3)
    assert finished.code == Code.NOT_ACCEPTABLE


def test_a_key_that_was_written_opens_the_server() -> None:
    written = security(SECURED, 0, identity=b"identity", key=b"k" * 16)
    ask = act(bootstrapped(written), 2)
    assert ask.account == Account(SECURED, DeviceKey(b"identity", b"k" * 16))
    assert ask.queries[0] == "ep=urn:dev:1"


def test_a_certificate_that_was_written_says_who_the_device_is() -> None:
    device = bootstrapped(with_certificate())
    ask = act(device, 2)
    assert isinstance(ask.account.credential, CertifiedKey)
    assert ask.account.anchor == b"root"
    assert (device.endpoint_name, ask.queries[0]) == (DEVICE, f"ep={DEVICE}")


def test_a_device_begins_with_the_name_in_its_certificate() -> None:
    own = certificates.self_signed("urn:dev:2")
    ask = act(made(BOOTSTRAPPING, Account(BOOTSTRAP, own)))
    assert ask.queries == ("ep=urn:dev:2", "pct=112")


def test_a_server_that_refuses_its_credential_sends_it_back_to_bootstrap() -> None:
    device = bootstrapped(with_certificate())
    device.act(2)
    device.answered("register", CREATED, 2)
    device.refused(3)
    assert (device.registered, device.turn) == (False, 3 + RETRY_SECONDS)
    ask = act(device, 8)
    assert (ask.operation, ask.account) == ("bootstrap", Account(BOOTSTRAP))
    assert ask.queries == ("ep=urn:dev:1", f"iep={DEVICE}", "pct=112")


def test_without_bootstrap_a_refused_device_registers_anew() -> None:
    device = registered()
    device.refused(3)
    assert act(device, 8).operation == "register"


def test_what_the_url_of_a_server_asks_for_is_said() -> None:
    device = made(BOOTSTRAPPING, Account(f"{BOOTSTRAP}?aid=01&x=y"))
    assert act(device).queries == ("ep=urn:dev:1", "aid=01", "x=y", "pct=112")


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


PACK = Message(
    Type.ACK,
    Code.CONTENT,
    1,
    options=((Option.CONTENT_FORMAT, b"\x70"),),
    payload=codecs.encode(
        112,
        [
            Record(Path((0, 1, 0)), LWM2M),
            Record(Path((0, 1, 2)), 3),
            Record(Path((0, 1, 10)), 1),
            Record(Path((1, 1, 0)), 1),
        ],
        base=ROOT,
    ),
)


def packing() -> Device:
    return made(replace(BOOTSTRAPPING, dialect=LWM2M_1_2))


def test_one_that_can_asks_for_all_of_it_at_once() -> None:
    device = packing()
    ask = act(device)
    assert (ask.operation, ask.code, ask.path) == (
        "bootstrap",
        Code.GET,
        ("bspack",),
    )
    assert ask.options == ((Option.ACCEPT, b"\x70"),)
    device.answered("bootstrap", PACK, 1)
    assert (device.state, device.turn) == (State.REGISTERING, 1)
    assert act(device, 1).account == Account(LWM2M)


@pytest.mark.parametrize("code", [Code.NOT_FOUND, Code.NOT_IMPLEMENTED])
def test_where_that_is_not_offered_it_asks_step_by_step(code: Code) -> None:
    device = packing()
    device.act(0)
    device.answered("bootstrap", answer(code), 1)
    assert device.turn == 1
    ask = act(device, 1)
    assert (ask.code, ask.path) == (Code.POST, ("bs",))
    assert ask.queries == ("ep=urn:dev:1", "pct=11544")
    device.answered("bootstrap", answer(Code.NOT_FOUND), 2)
    assert device.turn == 2 + RETRY_SECONDS


@pytest.mark.parametrize("payload", [b"", b"\xff", PACK.payload[:-1]])
def test_all_of_it_that_makes_no_sense_is_asked_for_again(payload: bytes) -> None:
    device = packing()
    device.act(0)
    device.answered("bootstrap", replace(PACK, payload=payload), 1)
    assert (device.state, device.turn) == (State.BOOTSTRAPPING, 1 + RETRY_SECONDS)


def test_an_izuma_device_says_in_updates_what_is_new() -> None:
    device = made(replace(OPTIONS, mix={Habit.CHANGE: 1}, dialect=IZUMA))
    device.act(0)
    device.answered("register", CREATED, 0)
    ask = act(device)
    assert ask.queries == ("et=default",)
    assert ask.payload.startswith(b"</10/")
    assert b"," not in ask.payload


def test_one_that_has_to_prove_its_address_does() -> None:
    device = packing()
    device.act(0)
    challenged = answer(Code.UNAUTHORIZED, (Option.ECHO, b"value"))
    device.answered("bootstrap", challenged, 1)
    assert device.turn == 1
    ask = act(device, 1)
    assert ask.path == ("bspack",)
    assert ask.options == ((Option.ACCEPT, b"\x70"), (Option.ECHO, b"value"))


def test_one_that_is_reset_comes_as_what_it_was_made() -> None:
    device = bootstrapped(with_certificate())
    device.act(2)
    device.answered("register", CREATED, 2)
    assert asked(device, Code.POST, "3", "0", "5") == Code.CHANGED
    ask = act(device, 5)
    assert (ask.operation, ask.account) == ("bootstrap", Account(BOOTSTRAP))
    assert ask.queries == ("ep=urn:dev:1", "pct=112")
    assert device.endpoint_name == "urn:dev:1"


def test_one_that_is_reset_and_has_no_bootstrap_registers_anew() -> None:
    device = registered()
    asked(device, Code.PUT, "1", "1", "1", payload=b"20")
    device.act(5)
    device.answered("update", answer(Code.CHANGED), 5)
    asked(device, Code.POST, "3", "0", "5")
    assert "lt=60" in act(device, 5).queries
