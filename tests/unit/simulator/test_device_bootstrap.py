"""How one simulated device is bootstrapped, turn by turn."""

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
from homeport.simulator.device import BOOTSTRAP_SECONDS, RETRY_SECONDS, Device, State
from homeport.simulator.dialects import IZUMA, LWM2M_1_2
from tests.support import certificates
from tests.support.device_turns import (
    BOOTSTRAP,
    BOOTSTRAPPING,
    CREATED,
    LWM2M,
    act,
    answer,
    asked,
    made,
    request,
)

SECURED = "coaps://127.0.0.1:5684"
DEVICE = DeviceId("d" * 32)
NOW = datetime(2026, 11, 25, tzinfo=UTC)
SERVER = request(Code.PUT, "1", "1", payload=tlv.encode([Resource(0, b"\x01")]))
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


def packing() -> Device:
    return made(replace(BOOTSTRAPPING, dialect=LWM2M_1_2))


@pytest.mark.parametrize("code", [Code.FORBIDDEN, Code.BAD_REQUEST])
def test_refused_it_bootstraps_again_where_it_can(code: Code) -> None:
    device, other = bootstrapped(), made()
    for each in (device, other):
        each.act(0)
        each.answered("register", answer(code), 0)
    assert act(device, 5).operation == "bootstrap"
    assert act(other, 5).operation == "register"


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


def test_what_the_url_of_a_server_asks_for_is_said() -> None:
    device = made(BOOTSTRAPPING, Account(f"{BOOTSTRAP}?aid=01&x=y"))
    assert act(device).queries == ("ep=urn:dev:1", "aid=01", "x=y", "pct=112")


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
