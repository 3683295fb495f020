"""What a session needs to be looked at for: links, bindings, what is observed."""

from collections.abc import Sequence
from dataclasses import replace

import orjson
import pytest

from homeport.coap.answer import Answer
from homeport.coap.codec import Code, Option
from homeport.store import values
from homeport.store.operations import (
    Register,
    Update,
)
from homeport.store.sessions import StoredSession
from homeport.store.values import LastValue
from services.lwm2m import handlers
from services.lwm2m.answers import NOT_FOUND
from services.lwm2m.asked import Delta
from tests.support.interpreting import (
    ACCOUNT,
    DEVICE,
    IZUMA,
    LINKS,
    NOSEC,
    PLAIN,
    REGISTRATION,
    SCENE,
    interpret,
    register,
    request,
)


def delta(
    payload: bytes = b"", queries: Sequence[str] = (), *, izuma: bool = False
) -> Delta:
    path = ("rd", ACCOUNT, DEVICE) if izuma else ("rd", REGISTRATION)
    operation = interpret(request(path, queries, payload=payload))
    assert isinstance(operation, Delta)
    return operation


def session(profile: str = "lwm2m-1.1") -> StoredSession:
    return StoredSession(
        revision="17",
        profile=profile,
        lwm2m_version="1.1",
        resources='[{"path":"/1/0"},{"path":"/3/0"}]',
        account=ACCOUNT,
    )


def test_the_links_of_a_standard_device_replace_its_structure() -> None:
    update = handlers.resolve(delta(b"</3/0>,</5/0>"), session())
    assert isinstance(update, Update)
    assert update.if_revision == "17"
    assert update.resources == '[{"path":"/3/0"},{"path":"/5/0"}]'


def test_the_links_of_an_izuma_device_are_merged_into_its_structure() -> None:
    update = handlers.resolve(delta(b"</5/0>,</1/0>;d", izuma=True), session("izuma"))
    assert isinstance(update, Update)
    assert update.resources == '[{"path":"/3/0"},{"path":"/5/0"}]'


def test_a_binding_is_held_to_the_version_of_the_registration() -> None:
    update = handlers.resolve(delta(queries=("b=UT",)), session())
    assert isinstance(update, Update)
    assert update.binding == "UT"
    answer = handlers.resolve(delta(queries=("b=UQ",)), session())
    assert isinstance(answer, Answer)
    assert answer.code == Code.BAD_REQUEST


def test_a_delta_of_nothing_is_not_found() -> None:
    assert handlers.resolve(delta(b"</3/0>"), None) == NOT_FOUND


@pytest.mark.parametrize("payload", [b"</3/0", b"nonsense"])
def test_an_update_with_broken_links_is_refused(payload: bytes) -> None:
    answer = interpret(request(("rd", REGISTRATION), payload=payload))
    assert isinstance(answer, Answer)
    assert answer.code == Code.BAD_REQUEST


def test_izumas_client_for_standard_servers_is_known_by_an_option() -> None:
    message = request(("rd",), PLAIN, payload=LINKS)
    options = (*message.options[:2], (int(Option.MAX_AGE), b""), *message.options[2:])
    operation = interpret(replace(message, options=options))
    assert isinstance(operation, Register)
    assert (operation.profile, operation.fixed) == ("izuma-standard", 0)


def test_queue_mode_alone_is_held_to_the_version_of_the_registration() -> None:
    update = handlers.resolve(delta(queries=("Q",)), session())
    assert isinstance(update, Update)
    assert (update.queue_mode, update.binding) == (1, "")
    plain = replace(session(), lwm2m_version="1.0")
    update = handlers.resolve(delta(queries=("Q",)), plain)
    assert isinstance(update, Update)
    assert update.queue_mode == ""


def test_what_an_update_says_besides_joins_what_there_was() -> None:
    known = replace(session(), parameters='{"sms":"1","color":"red"}')
    update = handlers.resolve(delta(queries=("sms=2",)), known)
    assert isinstance(update, Update)
    assert orjson.loads(update.parameters) == {"sms": "2", "color": "red"}


AUTOMATIC = b'</3/0/2>;v="0";aobs="350",</5/0>;v="1";aobs="1",</3/0/9>;aobs="x"'


def test_what_an_izuma_device_observes_itself_goes_with_its_registration() -> None:
    operation = handlers.interpret(
        request(("rd",), IZUMA, payload=AUTOMATIC),
        origin=NOSEC,
        sequence=9,
        scene=SCENE,
        now=5_000,
    )
    assert isinstance(operation, Register)
    kept = values.build(LastValue(0, b"0", 5_000, 65_000))
    assert operation.observed == "015e /3/0/2\n"
    assert operation.reported == f"/3/0/2 {kept}\n"


def test_other_devices_observe_nothing_by_themselves() -> None:
    operation = register(payload=AUTOMATIC)
    assert isinstance(operation, Register)
    assert (operation.observed, operation.reported) == ("", "")


def test_an_update_tells_all_that_is_observed_and_the_values_that_are_new() -> None:
    known = replace(
        session("izuma"),
        resources='[{"path":"/3/0/2","obs":true,"attributes":{"v":"0","aobs":"350"}}]',
    )
    update = handlers.resolve(delta(b'</3/0/3>;v="1";aobs="2"', izuma=True), known)
    assert isinstance(update, Update)
    assert update.observed == "015e /3/0/2\n0002 /3/0/3\n"
    assert update.reported.startswith("/3/0/3 ")
    assert update.reported.count("\n") == 1
