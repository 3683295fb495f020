"""From device requests to what devices are sent, and to how they end."""

import base64
from collections.abc import Mapping
from dataclasses import replace

import orjson
import pytest

from homeport.coap.codec import Code, Message, Option, Type
from homeport.coap.layer import Cause
from homeport.errors import InvalidFormat
from homeport.events.facts import RequestOutcome
from homeport.protocol import device_requests, profiles
from homeport.protocol.device_requests import DeviceRequest, Method
from homeport.store.operations import Result, TakenRequest
from homeport.store.requests import Complete, Hold, Postpone
from services.lwm2m import requests
from services.lwm2m.requests import Asking, Ending, Refusal, Taken
from tests.support.sessions import device

DEVICE = device()
READ = DeviceRequest("one", "key", "mine", Method.GET, "/3/0/9")
TAKEN = Taken(DEVICE.bucket, DEVICE.id, READ, profiles.LWM2M_1_1)
NOW = 1_000
SENML_JSON = 110


def taken(**changed: object) -> Taken:
    return replace(TAKEN, request=replace(READ, **changed))


def asking(asked: Taken) -> Asking:
    found = requests.ask(asked)
    assert isinstance(found, Asking)
    return found


def answer(code: Code, payload: bytes = b"1", *options: tuple[int, bytes]) -> Message:
    return Message(Type.ACK, code, 1, b"\x01", options, payload)


def completed(ending: Ending) -> tuple[Complete, Mapping[str, object]]:
    """Return an end, and what its event says."""
    complete = ending.operation
    assert isinstance(complete, Complete)
    assert (complete.bucket, complete.device) == (DEVICE.bucket, DEVICE.id)
    assert complete.request == "one"
    said = orjson.loads("{" + complete.outcome[1:] + "}")
    assert said["outcome"] == ending.outcome
    return complete, said


def answered(asked: Taken, message: Message) -> tuple[Complete, Mapping[str, object]]:
    return completed(requests.answered(asked, message, token=b"\x0a", now=NOW))


def test_a_request_is_sent_as_it_is_asked() -> None:
    asked = taken(
        method=Method.PUT,
        path="/5/0/1",
        queries=("pmin=1",),
        accept=0,
        content_format=11_542,
        payload=b"x",
    )
    assert asking(asked) == Asking(
        Code.PUT,
        ("5", "0", "1"),
        ("pmin=1",),
        ((Option.CONTENT_FORMAT, b"\x2d\x16"), (Option.ACCEPT, b"")),
        b"x",
        6,
    )


@pytest.mark.parametrize("method", list(Method))
def test_every_method_has_a_code(method: Method) -> None:
    asked = taken(method=method, content_format=SENML_JSON, payload=b"[]")
    assert asking(asked).code.name.upper() == method.value


def test_a_device_is_asked_below_its_own_root_and_in_its_own_blocks() -> None:
    found = asking(replace(TAKEN, root="/lwm2m/a", profile=profiles.IZUMA))
    assert (found.path, found.szx) == (("lwm2m", "a", "3", "0", "9"), 5)
    assert asking(replace(taken(path="/"), root="/lwm2m")).path == ("lwm2m",)
    assert asking(taken(path="/")).path == ()


@pytest.mark.parametrize(("told", "szx"), [(None, 5), (3, 3), (6, 6)])
def test_a_device_is_written_to_in_the_blocks_that_it_registered_with(
    told: int | None, szx: int
) -> None:
    outcome = TakenRequest(
        Result.TAKEN,
        profile="izuma",
        body=device_requests.build(READ),
        root="/lwm2m",
        token="0a",
        szx=told,
    )
    found = requests.taken(DEVICE.bucket, DEVICE.id, outcome)
    assert found == replace(
        TAKEN,
        root="/lwm2m",
        token=b"\x0a",
        profile=replace(profiles.IZUMA, szx=szx),
    )
    assert asking(found).szx == szx


def test_what_another_version_of_us_has_written_is_not_taken() -> None:
    with pytest.raises(InvalidFormat):
        requests.taken(
            DEVICE.bucket, DEVICE.id, TakenRequest(Result.TAKEN, body='{"id":1}')
        )


def test_it_goes_under_the_token_that_it_was_taken_with() -> None:
    known = replace(TAKEN, token=b"\x07")
    ends = replace(taken(observe=False), token=b"\x07")
    begins = replace(taken(observe=True), token=b"\x07")
    assert {asking(each).token for each in (known, ends, begins)} == {b"\x07"}
    assert asking(ends).options == ((Option.OBSERVE, b"\x01"),)
    assert asking(begins).options == ((Option.OBSERVE, b""),)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"path": "/0/0/1"}, Code.METHOD_NOT_ALLOWED),
        ({"path": "/0"}, Code.METHOD_NOT_ALLOWED),
        ({"path": "//00/1"}, Code.METHOD_NOT_ALLOWED),
        ({"path": "/\u0660/1"}, Code.METHOD_NOT_ALLOWED),
        ({"path": "/21/0", "method": Method.DELETE}, Code.METHOD_NOT_ALLOWED),
        ({"method": Method.PUT, "queries": ("gt=1", "lt=1")}, Code.BAD_REQUEST),
        ({"method": Method.FETCH, "path": "/"}, Code.BAD_REQUEST),
        (
            {"method": Method.FETCH, "payload": b"x", "content_format": SENML_JSON},
            Code.BAD_REQUEST,
        ),
        (
            {"method": Method.FETCH, "payload": b"[]", "content_format": 9_999},
            Code.BAD_REQUEST,
        ),
        (
            {
                "method": Method.IPATCH,
                "payload": b'[{"n":"/3/0/9","v":1},{"n":"/0/0/5","vd":"eA"}]',
                "content_format": SENML_JSON,
            },
            Code.METHOD_NOT_ALLOWED,
        ),
    ],
)
def test_what_a_device_cannot_be_asked_is_refused(
    changed: dict[str, object], code: Code
) -> None:
    refusal = requests.ask(taken(**changed))
    assert isinstance(refusal, Refusal)
    assert refusal.code == code


@pytest.mark.parametrize("profile", [profiles.LWM2M_1_0, profiles.IZUMA])
def test_composite_operations_are_for_those_that_know_them(
    profile: profiles.Profile,
) -> None:
    asked = taken(method=Method.FETCH, content_format=SENML_JSON, payload=b"[]")
    assert isinstance(requests.ask(asked), Asking)
    refusal = requests.ask(replace(asked, profile=profile))
    assert isinstance(refusal, Refusal)
    assert refusal.code == Code.METHOD_NOT_ALLOWED


def test_numbers_beside_the_path_of_other_requests_are_not_judged() -> None:
    asking(taken(queries=("gt=1", "lt=1")))
    asking(taken(method=Method.PUT, queries=("gt=1", "lt=1"), payload=b"1"))


def test_a_refusal_says_why_as_a_device_would() -> None:
    refusal = Refusal(Code.BAD_REQUEST, "pmin is greater than pmax")
    complete, said = completed(requests.refused(TAKEN, refusal))
    assert (said["outcome"], said["code"]) == ("refused", "4.00")
    assert base64.b64decode(str(said["payload"])) == b"pmin is greater than pmax"
    assert (complete.path, complete.invalidated) == ("", "")


def test_what_was_read_is_told_and_kept() -> None:
    complete, said = answered(TAKEN, answer(Code.CONTENT))
    assert (said["outcome"], said["code"], said["payload"]) == (
        *("answered", "2.05", "MQ=="),
    )
    assert complete.path == "/3/0/9"
    assert complete.value
    assert (complete.invalidated, complete.token, complete.observed) == ("", "", "")


@pytest.mark.parametrize(
    ("changed", "options"),
    [
        ({"queries": ("x=1",)}, ()),
        ({"accept": 40}, ((Option.CONTENT_FORMAT, b"\x28"),)),
        ({"method": Method.FETCH}, ()),
    ],
)
def test_what_is_no_value_of_the_path_is_not_kept(
    changed: dict[str, object], options: tuple[tuple[int, bytes], ...]
) -> None:
    complete, _ = answered(taken(**changed), answer(Code.CONTENT, b"1", *options))
    assert (complete.path, complete.value, complete.invalidated) == ("", "", "")


@pytest.mark.parametrize("method", [Method.PUT, Method.POST, Method.DELETE])
def test_what_was_changed_is_not_believed_any_more(method: Method) -> None:
    done, _ = answered(taken(method=method), answer(Code.CHANGED))
    refused, _ = answered(taken(method=method), answer(Code.BAD_REQUEST))
    assert (done.invalidated, refused.invalidated) == ("/3/0/9", "")


def test_an_observation_is_known_by_the_token_of_its_request() -> None:
    told = answer(Code.CONTENT, b"1", (Option.OBSERVE, b"\x01"))
    complete, said = answered(taken(observe=True), told)
    assert (complete.token, complete.observed) == ("0a", "/3/0/9")
    assert said["observed"] is True
    complete, said = answered(taken(observe=True), answer(Code.CONTENT))
    assert (complete.token, complete.observed) == ("", "")
    assert "observed" not in said


@pytest.mark.parametrize("options", [(), ((Option.OBSERVE, b""),)])
def test_the_end_of_an_observation_has_no_token(
    options: tuple[tuple[int, bytes], ...],
) -> None:
    told = answer(Code.CONTENT, b"1", *options)
    complete, said = answered(taken(observe=False), told)
    assert (complete.token, complete.observed) == ("", "/3/0/9")
    assert "observed" not in said


def test_an_error_with_a_value_is_one_from_those_who_tell_it_so() -> None:
    told = answer(Code.METHOD_NOT_ALLOWED, b"22", (Option.CONTENT_FORMAT, b""))
    izuma = replace(taken(observe=True), profile=profiles.IZUMA)
    assert answered(izuma, told)[1]["code"] == "2.05"
    assert answered(replace(izuma, request=READ), told)[1]["code"] == "4.05"
    assert answered(taken(observe=True), told)[1]["code"] == "4.05"
    plain = answer(Code.METHOD_NOT_ALLOWED, b"no")
    assert answered(izuma, plain)[1]["code"] == "4.05"


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        (Cause.UNACKNOWLEDGED, RequestOutcome.TIMEOUT),
        (Cause.UNANSWERED, RequestOutcome.TIMEOUT),
        (Cause.RESET, RequestOutcome.UNREACHABLE),
        (Cause.LOST, RequestOutcome.DISCONNECTED),
        (Cause.MALFORMED, RequestOutcome.UNREACHABLE),
        (Cause.CROWDED, RequestOutcome.UNREACHABLE),
    ],
)
def test_the_last_attempt_ends_a_request(cause: Cause, outcome: RequestOutcome) -> None:
    ending = requests.failed(TAKEN, cause, acknowledged=False)
    assert ending.outcome is outcome
    completed(ending)


@pytest.mark.parametrize("cause", list(Cause))
def test_another_attempt_takes_one_retry(cause: Cause) -> None:
    ending = requests.failed(taken(retries=2), cause, acknowledged=False)
    postpone = ending.operation
    assert ending.outcome is None
    assert isinstance(postpone, Postpone)
    assert device_requests.parse(postpone.body).retries == 1


def test_what_was_acknowledged_is_not_sent_again() -> None:
    lasting = taken(retries=9, method=Method.POST)
    ending = requests.failed(lasting, Cause.UNANSWERED, acknowledged=True)
    complete, _ = completed(ending)
    assert (ending.outcome, complete.invalidated) == (
        *(RequestOutcome.TIMEOUT, "/3/0/9"),
    )


def test_what_was_acknowledged_may_still_be_answered_to_others() -> None:
    ending = requests.abandoned(TAKEN, acknowledged=True)
    assert ending == Ending(Hold(DEVICE.bucket, DEVICE.id, "one", 1, 15_000))


def test_what_is_left_to_others_stays_as_it_is() -> None:
    ending = requests.abandoned(TAKEN, acknowledged=False)
    assert ending == Ending(Postpone(DEVICE.bucket, DEVICE.id, "one"))
