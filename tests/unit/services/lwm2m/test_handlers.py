"""From requests to operations and from outcomes to answers."""

from collections.abc import Sequence
from dataclasses import replace

import orjson
import pytest

from homeport import names
from homeport.coap import codec
from homeport.coap.answer import Answer
from homeport.coap.codec import Code, Message, Option, Renewal
from homeport.coap.transport import Origin
from homeport.identity import Means
from homeport.names import AccountId, EndpointName
from homeport.store.operations import (
    Deregister,
    Refresh,
    Refuse,
    Register,
    Update,
)
from services.lwm2m import handlers
from services.lwm2m.asked import Denial, Scene
from services.lwm2m.reports import Sent
from tests.support.captures import captures
from tests.support.interpreting import (
    ACCOUNT,
    ASSOCIATION,
    DEVICE,
    IZUMA,
    KETTLE,
    LINKS,
    NOSEC,
    OTHER,
    PEER,
    PLAIN,
    REGISTRATION,
    SCENE,
    SECURED,
    WHO,
    interpret,
    register,
    request,
)


def test_a_register_becomes_an_operation_on_the_session_of_its_device() -> None:
    operation = register()
    assert isinstance(operation, Register)
    assert operation.device == DEVICE
    assert operation.bucket == names.bucket(DEVICE, 64)
    assert operation.exchange == f"{PEER}#7"
    assert (operation.lifetime, operation.version) == (300, "1.1")
    assert operation.profile == "lwm2m-1.1"
    assert '"path":"/3/0"' in operation.resources


def test_an_izuma_device_is_known_by_its_client_version() -> None:
    operation = register(IZUMA)
    assert isinstance(operation, Register)
    assert operation.profile == "izuma"


def changed(**parts: str) -> list[str]:
    given = dict(query.split("=", 1) for query in PLAIN) | parts
    return [f"{name}={value}" for name, value in given.items() if value]


@pytest.mark.parametrize(
    ("queries", "code"),
    [
        (changed(ep=""), Code.BAD_REQUEST),
        (changed(ep="x" * 65), Code.BAD_REQUEST),
        (changed(ep="a\nb"), Code.BAD_REQUEST),
        (changed(lt="-1"), Code.BAD_REQUEST),
        (changed(lt="soon"), Code.BAD_REQUEST),
        (changed(lt="99999999999999999999"), Code.BAD_REQUEST),
        (changed(lwm2m="2.0"), Code.PRECONDITION_FAILED),
        (changed(lwm2m="new"), Code.PRECONDITION_FAILED),
        (changed(b="UQ"), Code.BAD_REQUEST),
        ([*PLAIN, "lt=60"], Code.BAD_REQUEST),
        ([*PLAIN, "aid=mine"], Code.BAD_REQUEST),
    ],
)
def test_a_register_with_a_wrong_parameter_is_refused(
    queries: Sequence[str], code: Code
) -> None:
    answer = register(queries)
    assert isinstance(answer, Answer)
    assert answer.code == code
    assert len(answer.payload) <= 64


@pytest.mark.parametrize(
    ("payload", "content_format", "code"),
    [
        (b"", 40, Code.BAD_REQUEST),
        (b"</1/0>,</3", 40, Code.BAD_REQUEST),
        (b"nonsense", 40, Code.BAD_REQUEST),
        (LINKS, 0, Code.UNSUPPORTED_CONTENT_FORMAT),
    ],
)
def test_a_register_with_a_wrong_payload_is_refused(
    payload: bytes, content_format: int, code: Code
) -> None:
    answer = register(payload=payload, content_format=content_format)
    assert isinstance(answer, Answer)
    assert answer.code == code


def test_a_register_without_content_format_is_tolerated() -> None:
    assert isinstance(register(content_format=None), Register)


@pytest.mark.parametrize(
    "queries",
    [
        [*IZUMA, "lt=1"],
        [query for query in IZUMA if not query.startswith("ep")],
    ],
)
def test_an_izuma_device_never_hears_what_costs_it_its_credentials(
    queries: Sequence[str],
) -> None:
    answer = register(queries)
    assert isinstance(answer, Answer)
    assert answer.code == Code.UNAUTHORIZED


@pytest.mark.parametrize(
    ("queries", "code"),
    [
        ([*PLAIN, f"aid={OTHER}"], Code.FORBIDDEN),
        ([*IZUMA[:4], f"aid={OTHER}", "mccv=4.13.2"], Code.UNAUTHORIZED),
    ],
)
def test_a_register_for_another_account_is_denied_and_on_the_record(
    queries: Sequence[str], code: Code
) -> None:
    denial = register(queries)
    assert isinstance(denial, Denial)
    assert denial.answer.code == code
    assert denial.operation.account == names.PLATFORM_ACCOUNT
    assert denial.operation.fact == "registration.refused"


@pytest.mark.parametrize("queries", [PLAIN, IZUMA], ids=["standard", "izuma"])
def test_a_device_that_goes_on_with_anothers_credential_of_ours_bootstraps_again(
    queries: Sequence[str],
) -> None:
    issued = replace(WHO, means=Means.ISSUED, device=KETTLE)
    denial = register(queries, origin=SECURED._replace(identity=issued))
    assert isinstance(denial, Denial)
    assert denial.answer.code == Code.FORBIDDEN


def test_a_device_is_known_by_its_credential_alone() -> None:
    operation = register(changed(ep=""), origin=SECURED)
    assert isinstance(operation, Register)
    assert (operation.account, operation.endpoint_name) == (OTHER, "kettle")
    assert operation.identity == WHO.name
    assert operation.issued == WHO.issued
    assert operation.exchange == f"{ASSOCIATION}#7"
    assert operation.mark == f"{ASSOCIATION}{9:012x}"
    assert operation.generation == 3


@pytest.mark.parametrize(
    ("queries", "code"),
    [(PLAIN, Code.FORBIDDEN), (IZUMA, Code.UNAUTHORIZED)],
    ids=["standard", "izuma"],
)
def test_a_name_that_is_not_the_credentials_is_denied_and_on_the_record(
    queries: Sequence[str], code: Code
) -> None:
    denial = register(queries, origin=SECURED)
    assert isinstance(denial, Denial)
    assert denial.answer.code == code
    assert denial.operation == Refuse(
        bucket=names.bucket(KETTLE, 64),
        device=KETTLE,
        account=OTHER,
        endpoint_name=EndpointName("kettle"),
        fact="registration.refused",
        body=denial.operation.body,
    )
    said = orjson.loads("{" + denial.operation.body[1:] + "}")
    assert said["fingerprint"] == "f" * 64
    assert said["reason"]


def test_what_a_device_of_a_credential_of_ours_may_not_is_about_that_device() -> None:
    issued = SECURED._replace(identity=replace(WHO, device=DEVICE))
    denial = register(PLAIN, origin=issued)
    assert isinstance(denial, Denial)
    assert denial.operation.device == DEVICE


def test_whether_a_credential_may_take_over_a_name_is_the_operators() -> None:
    for replaces in (False, True):
        operation = register(scene=Scene(ACCOUNT, 64, replaces=replaces))
        assert isinstance(operation, Register)
        assert operation.replace == replaces


def test_every_operation_carries_the_record_that_brought_it() -> None:
    location = ("rd", REGISTRATION)
    renewal = Renewal(7, b"\x01", REGISTRATION)
    refreshed = handlers.refresh(renewal, origin=SECURED, sequence=9, scene=SCENE)
    operations = [
        refreshed,
        interpret(request(location, ("lt=600",)), origin=SECURED),
        interpret(request(location, code=Code.DELETE), origin=SECURED),
    ]
    for operation in operations:
        assert isinstance(operation, Refresh | Update | Deregister)
        assert operation.identity == WHO.name
        assert operation.mark == f"{ASSOCIATION}{9:012x}"
        assert operation.generation == 3


def test_every_captured_register_becomes_an_operation() -> None:
    found = [
        message
        for messages in captures().values()
        for sender, datagram in messages
        if sender == "device"
        and (message := codec.decode(datagram)).code == Code.POST
        and message.path == ("rd",)
        and message.value(Option.BLOCK1) is None
    ]
    assert len(found) >= 10
    for message in found:
        scene = Scene(_account(message), 64)
        operation = interpret(message, scene=scene)
        assert isinstance(operation, Register), message


def _account(message: Message) -> AccountId:
    given = [query[4:] for query in message.queries if query.startswith("aid=")]
    return AccountId(given[0]) if given else ACCOUNT


def test_every_captured_update_becomes_an_operation() -> None:
    found = [
        message
        for name, messages in captures().items()
        for sender, datagram in messages
        if sender == "device"
        and name.startswith("izuma")
        and (message := codec.decode(datagram)).code == Code.POST
        and message.path[:1] == ("rd",)
        and len(message.path) == 3
    ]
    assert len(found) >= 5
    for message in found:
        operation = interpret(message)
        assert isinstance(operation, Update)
        assert operation.account == message.path[1]


@pytest.mark.parametrize(
    ("path", "code", "expected"),
    [
        ((), Code.POST, Code.NOT_FOUND),
        (("bs",), Code.POST, Code.NOT_FOUND),
        (("rd", "x"), Code.POST, Code.NOT_FOUND),
        (("rd", "x"), Code.DELETE, Code.NOT_FOUND),
        (("rd", "a" * 32, "b"), Code.POST, Code.NOT_FOUND),
        (("rd",), Code.GET, Code.METHOD_NOT_ALLOWED),
        (("rd",), Code.DELETE, Code.METHOD_NOT_ALLOWED),
        (("rd", "x"), Code.PUT, Code.METHOD_NOT_ALLOWED),
        (("rd", "a", "b", "c"), Code.POST, Code.METHOD_NOT_ALLOWED),
    ],
)
def test_what_leads_nowhere_is_answered_at_once(
    path: Sequence[str], code: Code, expected: Code
) -> None:
    answer = interpret(request(path, code=code))
    assert isinstance(answer, Answer)
    assert answer.code == expected


def test_a_renewal_becomes_a_refresh() -> None:
    renewal = Renewal(7, b"\x01", REGISTRATION)
    operation = handlers.refresh(renewal, origin=NOSEC, sequence=9, scene=SCENE)
    assert operation == Refresh(
        names.bucket(DEVICE, 64),
        DEVICE,
        f"{PEER}#7",
        "nosec",
        REGISTRATION,
        "",
        PEER,
    )


def test_a_renewal_of_what_is_no_registration_is_none() -> None:
    renewal = Renewal(7, b"\x01", "z" * 48)
    assert handlers.refresh(renewal, origin=NOSEC, sequence=9, scene=SCENE) is None


def test_a_deregister_names_its_session() -> None:
    operation = interpret(request(("rd", REGISTRATION), code=Code.DELETE))
    assert isinstance(operation, Deregister)
    assert operation.location == REGISTRATION
    operation = interpret(request(("rd", ACCOUNT, DEVICE), code=Code.DELETE))
    assert isinstance(operation, Deregister)
    assert (operation.account, operation.device) == (ACCOUNT, DEVICE)


def test_an_update_of_its_lifetime_needs_no_look_at_the_session() -> None:
    operation = interpret(request(("rd", REGISTRATION), ("lt=600",)))
    assert isinstance(operation, Update)
    assert operation.lifetime == 600
    assert operation.resources == ""


def send(
    payload: bytes, *, content_format: int | None = 110, code: Code = Code.POST
) -> Message:
    return request(("dp",), code=code, payload=payload, content_format=content_format)


def test_what_is_sent_waits_for_a_look_at_the_session_of_its_sender() -> None:
    sent = handlers.interpret(
        send(b'[{"n":"/3/0/9","v":1}]'),
        origin=SECURED,
        sequence=9,
        scene=SCENE,
        sender=KETTLE,
    )
    assert isinstance(sent, Sent)
    assert sent.report.device == KETTLE
    assert sent.report.exchange == f"{ASSOCIATION}#7"
    assert (sent.report.identity, sent.report.generation) == ("psk:1", 3)


@pytest.mark.parametrize(
    ("origin", "code"), [(NOSEC, Code.BAD_REQUEST), (SECURED, Code.NOT_FOUND)]
)
def test_what_a_stranger_sends_is_refused(origin: Origin, code: Code) -> None:
    answer = interpret(send(b'[{"n":"/3/0/9","v":1}]'), origin=origin)
    assert isinstance(answer, Answer)
    assert answer.code == code


def test_values_are_posted_and_nothing_else() -> None:
    answer = interpret(send(b"", code=Code.GET))
    assert isinstance(answer, Answer)
    assert answer.code == Code.METHOD_NOT_ALLOWED
