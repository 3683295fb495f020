"""A call says what is asked, and reads what comes back."""

import pytest

from homeport.client.calls import Answer, Call, following, nothing, one, page, segment
from homeport.client.devices import Device
from homeport.client.errors import InvalidAnswer, NotFound
from homeport.client.records import Page

PROBLEM = b'{"message":"no such object","type":"not_found","request_id":"7"}'


def test_an_answer_becomes_an_object() -> None:
    call = one("GET", "/v3/devices/1", Device)
    device = call.receive(Answer(200, b'{"id":"1","state":"registered","new":1}'))
    assert (device.id, device.state) == ("1", "registered")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"id":"1"}', b'{"id":1}'])
def test_what_is_no_such_object_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(InvalidAnswer, match="the answer is none of a Homeport API"):
        one("GET", "/v3/devices/1", Device).receive(Answer(200, body))


def test_a_refusal_is_raised() -> None:
    with pytest.raises(NotFound, match="the API answered 404: no such object"):
        nothing("DELETE", "/v3/devices/1").receive(Answer(404, PROBLEM))


def test_a_redirect_is_no_answer() -> None:
    with pytest.raises(Exception, match="the API answered 302"):
        nothing("GET", "/").receive(Answer(302))


def test_a_bare_word_carries_the_id_of_its_header() -> None:
    answer = Answer(404, b"DEVICE_NOT_FOUND", {"x-request-id": "9"})
    with pytest.raises(NotFound) as caught:
        nothing("GET", "/").receive(answer)
    assert (caught.value.kind, caught.value.request_id) == ("DEVICE_NOT_FOUND", "9")


def test_the_next_page_is_asked_for_after_the_last_object() -> None:
    call = page("/v3/devices", Device, {"state": "registered", "limit": 2})
    first = call.receive(
        Answer(
            200,
            b'{"data":[{"id":"1","state":""},{"id":"2","state":""}],"has_more":true}',
        )
    )
    second = following(call, first)
    assert second is not None
    assert second.query == {"state__eq": "registered", "limit": "2", "after": "2"}


def test_there_is_no_page_after_the_last() -> None:
    call = page("/v3/devices", Device, {})
    assert following(call, Page[Device](data=())) is None


@pytest.mark.parametrize(
    ("told", "seconds"), [("7", 7.0), ("", None), ("soon", None), ("-1", None)]
)
def test_only_a_number_says_when_to_come_again(
    told: str, seconds: float | None
) -> None:
    assert Answer(503, headers={"retry-after": told}).retry_after == seconds


def test_a_segment_of_a_path_stays_one() -> None:
    assert segment("a/b c?d") == "a%2Fb%20c%3Fd"


def test_a_body_is_not_shown() -> None:
    assert "secret" not in repr(Call("PUT", "/", lambda _: None, body="secret"))
