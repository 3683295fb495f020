"""A device request is read as it was written, and by nobody else's text."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidFormat
from homeport.protocol import device_requests
from homeport.protocol.device_requests import DeviceRequest, Method

NUMBERS = st.none() | st.integers(0, 65_535)
REQUESTS = st.builds(
    DeviceRequest,
    id=st.text(),
    key_id=st.text(),
    async_id=st.text(),
    method=st.sampled_from(Method),
    path=st.text(),
    queries=st.lists(st.text()).map(tuple),
    accept=NUMBERS,
    content_format=NUMBERS,
    payload=st.binary(),
    retries=st.integers(0, 10),
    expires_at=st.integers(0, 2**53),
    observe=st.none() | st.booleans(),
)
READ = DeviceRequest("1", "key", "mine", Method.GET, "/3/0/0", retries=2)


@given(REQUESTS)
def test_what_is_written_is_read_again(request_: DeviceRequest) -> None:
    text = device_requests.build(request_)
    assert "\n" not in text
    assert device_requests.parse(text) == request_


@given(REQUESTS)
def test_the_head_continues_a_json_object(request_: DeviceRequest) -> None:
    head = device_requests.head(request_)
    assert "\n" not in head
    observe = {} if request_.observe is None else {"observe": request_.observe}
    assert orjson.loads('{"fact":""' + head + "}") == observe | {
        "fact": "",
        "request_id": request_.id,
        "key_id": request_.key_id,
        "async_id": request_.async_id,
        "method": request_.method,
        "path": request_.path,
    }


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id":"1"}', "null"])
def test_other_text_is_no_request(text: str) -> None:
    with pytest.raises(InvalidFormat, match="device request"):
        device_requests.parse(text)


def test_a_method_that_there_is_not_is_no_request() -> None:
    text = device_requests.build(READ).replace('"GET"', '"TRACE"')
    with pytest.raises(InvalidFormat, match="TRACE"):
        device_requests.parse(text)


def test_a_failed_attempt_uses_a_retry() -> None:
    assert READ.after_failure().retries == 1
