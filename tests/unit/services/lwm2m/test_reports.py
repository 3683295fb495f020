"""From what devices say unasked to operations."""

import base64
from dataclasses import replace

import orjson
import pytest

from homeport.coap.answer import Answer
from homeport.coap.codec import Code, Message, Option, Type
from homeport.names import AccountId
from homeport.store import values
from homeport.store.reports import Locate, Report
from homeport.store.sessions import StoredSession
from services.lwm2m import reports
from services.lwm2m.reports import Sent
from tests.support.sessions import device

DEVICE = device()
NOW = 1_700_000_000_000
SENML_JSON = 110
REPORT = Report(DEVICE.bucket, DEVICE.id, "one#1", "nosec", "", "m" * 40, 3)
SESSION = StoredSession(
    "1", "lwm2m-1.1", "1.1", '[{"path":"/3/0"},{"path":"/3303"}]', AccountId("a" * 32)
)


def notified(code: Code = Code.CONTENT, *options: tuple[int, bytes]) -> reports.Notify:
    return reports.notify(
        Message(Type.CON, code, 1, b"\x0a\x0b", options, b"22"),
        device=DEVICE.id,
        bucket=DEVICE.bucket,
        identity="psk:1",
        now=NOW,
    )


def sent(payload: object, *, content_format: int | None = SENML_JSON) -> Sent | Answer:
    options = ()
    if content_format is not None:
        options = ((Option.CONTENT_FORMAT, bytes([content_format])),)
    body = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    message = Message(Type.CON, Code.POST, 1, b"", options, body)
    return reports.send(message, REPORT, now=NOW)


def resolved(payload: object) -> Report | Answer:
    read = sent(payload)
    assert isinstance(read, Sent)
    return reports.resolve(read, SESSION)


def test_a_notification_is_told_by_token_and_number() -> None:
    found = notified(Code.CONTENT, (Option.OBSERVE, b"\x01\x00"))
    assert (found.token, found.sequence, found.ends) == ("0a0b", 256, 0)
    assert (found.device, found.identity) == (DEVICE.id, "psk:1")
    said = orjson.loads("{" + found.members[1:] + "}")
    assert said == {"code": "2.05", "max_age": 60, "payload": "MjI="}
    assert values.parse(found.value).payload == b"22"


@pytest.mark.parametrize(
    ("code", "options", "kept"),
    [
        (Code.CONTENT, (), True),
        (Code.NOT_FOUND, (), False),
        (Code.NOT_FOUND, ((Option.OBSERVE, b"\x05"),), False),
    ],
)
def test_an_error_or_a_value_without_number_is_the_last(
    code: Code, options: tuple[tuple[int, bytes], ...], *, kept: bool
) -> None:
    found = notified(code, *options)
    assert (found.sequence, found.ends, bool(found.value)) == ("", 1, kept)


def test_the_rest_of_a_notification_is_where_its_token_leads() -> None:
    whole = notified()._replace(mark="m" * 40, generation=3)
    assert reports.locate(whole) == Locate(
        DEVICE.bucket, DEVICE.id, "psk:1", "0a0b", "m" * 40, 3
    )


def test_what_is_sent_is_parted_by_resources() -> None:
    report = resolved(
        [
            {"bn": "/3303/0/", "n": "5700", "v": 21.5},
            {"n": "5701", "vs": "Cel"},
            {"n": "5700", "t": -60, "v": 21.0},
        ]
    )
    assert isinstance(report, Report)
    assert (report.exchange, report.mark, report.generation) == ("one#1", "m" * 40, 3)
    first, said, kept, second, *_ = report.reports.splitlines()
    assert (first, second) == ("/3303/0/5700", "/3303/0/5701")
    told = orjson.loads("{" + said[1:] + "}")
    assert (told["content_format"], told["sent"]) == (SENML_JSON, True)
    assert orjson.loads(base64.b64decode(told["payload"])) == [
        {"bn": "/3303/0/5700", "v": 21.5},
        {"t": 1_699_999_940.0, "v": 21.0},
    ]
    value = values.parse(kept)
    assert value.at == value.fresh_until == NOW


def test_instances_of_a_resource_are_told_together() -> None:
    report = resolved([{"n": "/3/0/6/0", "v": 1}, {"n": "/3/0/6/1", "v": 5}])
    assert isinstance(report, Report)
    assert report.reports.startswith("/3/0/6\n")
    assert report.reports.count("\n") == 3


@pytest.mark.parametrize(
    ("payload", "content_format", "code"),
    [
        (b"x", SENML_JSON, Code.BAD_REQUEST),
        ([], SENML_JSON, Code.BAD_REQUEST),
        ([{"n": "/3/0"}], SENML_JSON, Code.BAD_REQUEST),
        ([{"n": "/3/0/9", "v": 1}], None, Code.BAD_REQUEST),
        (b"1", 0, Code.UNSUPPORTED_CONTENT_FORMAT),
        (
            [{"n": f"/3303/{each}/1", "v": 1} for each in range(257)],
            SENML_JSON,
            Code.REQUEST_ENTITY_TOO_LARGE,
        ),
    ],
)
def test_what_cannot_be_taken_is_refused(
    payload: object, content_format: int | None, code: Code
) -> None:
    answer = sent(payload, content_format=content_format)
    assert isinstance(answer, Answer)
    assert answer.code == code


def test_what_a_device_does_not_have_is_refused() -> None:
    answer = resolved([{"n": "/3303/0/1", "v": 1}, {"n": "/4/0/1", "v": 1}])
    assert isinstance(answer, Answer)
    assert answer.code == Code.BAD_REQUEST
    assert answer.payload == b"/4/0/1 is not in the registration"


def test_without_a_registration_nothing_is_taken() -> None:
    read = sent([{"n": "/3/0/9", "v": 1}])
    assert isinstance(read, Sent)
    answer = reports.resolve(read, None)
    assert isinstance(answer, Answer)
    assert answer.code == Code.NOT_FOUND
    listed = replace(SESSION, resources="[]")
    assert isinstance(reports.resolve(read, listed), Answer)
