"""The JSON that callers send and get."""

import pytest

from homeport.errors import InvalidParameter
from services.notifier import bodies
from services.notifier.channels.channels import Callback, Serialization

URL = "http://127.0.0.1/"


def test_a_url_is_enough() -> None:
    assert bodies.parse_callback(b'{"url":"http://127.0.0.1/"}') == (
        Callback(URL),
        Serialization(),
    )


def test_all_of_it_is_read() -> None:
    body = b"""{"url":"http://127.0.0.1/","headers":{"a":"b"},
        "signing_secret":"whsec_x","serialization":{
        "type":"v2","max_chunk_size":100,"cfg":{"deregistrations_as_object":true,
        "include_uid":true,"include_timestamp":true,"include_original_ep":true,
        "include_values":true}}}"""
    assert bodies.parse_callback(body) == (
        Callback(URL, {"a": "b"}, "whsec_x"),
        Serialization(True, True, True, True, True, 100),
    )


def test_booleans_and_numbers_may_be_strings() -> None:
    body = b"""{"url":"http://127.0.0.1/","serialization":{"max_chunk_size":"200",
        "cfg":{"include_uid":"true","include_timestamp":"false"}}}"""
    _, serialization = bodies.parse_callback(body)
    assert serialization == Serialization(include_uid=True, max_chunk_size=200)


def test_what_is_not_known_is_ignored() -> None:
    body = b'{"url":"http://127.0.0.1/","configuration":{"type":"v9"},"headers":null}'
    assert bodies.parse_callback(body) == (
        Callback(URL),
        Serialization(),
    )


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b"null", "body"),
        (b"\xff", "body"),
        (b"[" * 10_000, "body"),
        (b"{}", "url"),
        (b'{"url":7}', "url"),
        (b'{"url":"http://x","headers":[]}', "headers"),
        (b'{"url":"http://x","headers":{"a":7}}', "headers"),
        (b'{"url":"http://x","serialization":{"type":"v1"}}', "serialization"),
        (b'{"url":"http://x","serialization":{"max_chunk_size":99}}', "serialization"),
        (b'{"url":"http://x","serialization":{"cfg":7}}', "serialization"),
    ],
)
def test_a_bad_body_is_refused(body: bytes, wrong: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        bodies.parse_callback(body)
    assert caught.value.name == wrong


def test_what_is_answered_can_be_sent_again() -> None:
    callback, form = Callback(URL, {"a": "b"}), Serialization(include_uid=True)
    answered = bodies.callback_info(callback, form).model_dump_json().encode()
    assert bodies.parse_callback(answered) == (callback, form)


def test_a_secret_is_not_answered() -> None:
    callback = Callback(URL, {}, "whsec_x")
    assert "whsec_x" not in str(bodies.callback_info(callback, Serialization()))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"serialization":null}'])
def test_a_websocket_needs_no_body(body: bytes) -> None:
    assert bodies.parse_websocket(body) == Serialization()


def test_a_websocket_may_say_how_messages_look() -> None:
    body = b'{"serialization":{"type":"v2","cfg":{"include_uid":"true"}}}'
    assert bodies.parse_websocket(body) == Serialization(include_uid=True)


def test_what_is_not_known_of_a_websocket_is_said_to_be_unknown() -> None:
    told = bodies.websocket_info(Serialization(), connected=None, waiting=None)
    assert (told.status, told.queue_size, told.queueSize) == ("unknown", -1, -1)


@pytest.mark.parametrize(
    "request_", [bodies.CALLBACK_REQUEST, bodies.WEBSOCKET_REQUEST]
)
def test_the_documented_schema_needs_nothing_from_outside(request_: object) -> None:
    assert "$ref" not in str(request_)
