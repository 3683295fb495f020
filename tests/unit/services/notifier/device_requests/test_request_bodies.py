"""The bodies and parameters of device requests (R-82, R-83)."""

import pytest

from homeport.errors import InvalidParameter
from homeport.protocol.device_requests import Method
from services.notifier.device_requests import request_bodies
from services.notifier.device_requests.requests import Asked, Terms


def test_a_method_and_a_path_are_enough() -> None:
    body = b'{"method":"GET","uri":"/3/0/9"}'
    assert request_bodies.parse(body) == Asked(Method.GET, "/3/0/9")


def test_everything_may_be_said() -> None:
    body = b"""{"method":"PUT","uri":"5//0/1/?lt=10&gt=6%2E5&","accept":"text/plain",
        "content-type":"application/vnd.oma.lwm2m+tlv;v=1","payload-b64":"AQID"}"""
    assert request_bodies.parse(body) == Asked(
        Method.PUT, "/5/0/1", ("lt=10", "gt=6.5"), 0, 11542, b"\x01\x02\x03"
    )


@pytest.mark.parametrize("method", [Method.FETCH, Method.IPATCH])
@pytest.mark.parametrize(
    ("content_type", "number"),
    [("application/senml+json", 110), ("application/senml+cbor", 112)],
)
def test_several_paths_at_once_are_named_by_the_payload(
    method: Method, content_type: str, number: int
) -> None:
    body = b'{"method":"%s","uri":"/","content-type":"%s","payload-b64":"W10="}'
    parsed = request_bodies.parse(body % (method.encode(), content_type.encode()))
    assert parsed == Asked(method, "/", (), None, number, b"[]")


@pytest.mark.conforms("C-137", "R-86")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"method":"GET"}',
        b'{"method":"FETCH","uri":"/3"}',
        b'{"method":"get","uri":"/3"}',
        b'{"method":"FETCH","uri":"/"}',
        b'{"method":"FETCH","uri":"/","payload-b64":"W10="}',
        b'{"method":"IPATCH","uri":"/","content-type":"application/senml+json"}',
        b'{"method":"FETCH","uri":"/3","payload-b64":"W10=","content-type":"%s"}'
        % b"application/senml+json",
        b'{"method":"PUT","uri":"/3/0/9","payload-b64":"!"}',
        b'{"method":"PUT","uri":"/3/0/9","payload-b64":"QQ"}',
        b'{"method":"PUT","uri":"/3/0/9","payload-b64":7}',
        b'{"method":"PUT","uri":"/3/0/9","content-type":"text/html"}',
        b'{"method":"GET","uri":"/3/0/9","accept":"x"}',
        b'{"method":"GET","uri":"/%s"}' % (b"3" * 255),
        b'{"method":"GET","uri":"/3/0?%s"}' % (b"a" * 256),
        b'{"method":"GET","uri":"/3\\u0000"}',
        b'{"method":"PUT","uri":"/3/0/9","payload-b64":"%s"}' % (b"AAAA" * 349_526),
    ],
)
def test_what_is_no_request_is_a_wrong_body(body: bytes) -> None:
    with pytest.raises(InvalidParameter) as caught:
        request_bodies.parse(body)
    assert caught.value.name == "body"


def test_terms_may_be_left_out() -> None:
    assert request_bodies.parse_terms("key", {"async-id": "a-Z_9"}) == Terms(
        "key", "a-Z_9"
    )
    said = {"async-id": "1", "retry": "10", "expiry-seconds": "2592000"}
    assert request_bodies.parse_terms("key", said) == Terms("key", "1", 10, 2_592_000)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({}, "async-id"),
        ({"async-id": ""}, "async-id"),
        ({"async-id": "a" * 41}, "async-id"),
        ({"async-id": "ü"}, "async-id"),
        ({"async-id": "a b"}, "async-id"),
        ({"async-id": "1", "retry": "11"}, "retry"),
        ({"async-id": "1", "retry": "-1"}, "retry"),
        ({"async-id": "1", "expiry-seconds": "59"}, "expiry-seconds"),
        ({"async-id": "1", "expiry-seconds": "2592001"}, "expiry-seconds"),
        ({"async-id": "1", "expiry-seconds": "6e1"}, "expiry-seconds"),
    ],
)
def test_terms_have_their_bounds(query: dict[str, str], name: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        request_bodies.parse_terms("key", query)
    assert caught.value.name == name
