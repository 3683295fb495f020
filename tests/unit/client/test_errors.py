"""What the API refuses with becomes an error that carries all of it."""

import pytest

from homeport.client import errors
from homeport.client.errors import CallRefused, SocketClosed, refused
from homeport.errors import HomeportError


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidCall),
        (401, errors.UnknownKey),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (410, errors.Gone),
        (415, errors.InvalidCall),
        (418, CallRefused),
        (429, errors.TooManyCalls),
        (500, errors.ServerFault),
        (503, errors.ServerFault),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[CallRefused]) -> None:
    error = refused(status, b"")
    assert type(error) is kind
    assert error.status == status
    assert isinstance(error, HomeportError)


def test_wrong_members_are_named() -> None:
    error = refused(
        400,
        b'{"object":"error","code":400,"type":"validation_error","message":"bad limit",'
        b'"request_id":"7","fields":[{"name":"limit","message":"is no number"}]}',
    )
    assert str(error) == "the API answered 400: bad limit"
    assert error.kind == "validation_error"
    assert error.fields == {"limit": "is no number"}
    assert error.request_id == "7"


def test_the_other_spelling_of_a_member_is_known() -> None:
    body = b'{"message":"no","fields":[{"field":"name","message":"is wrong"}]}'
    assert refused(400, body).fields == {"name": "is wrong"}


def test_a_bare_word_is_kept() -> None:
    error = refused(400, b"QUEUE_IS_FULL", request_id="7", retry_after=2.0)
    assert str(error) == "the API answered 400: QUEUE_IS_FULL"
    assert (error.kind, error.request_id, error.retry_after) == (
        "QUEUE_IS_FULL",
        "7",
        2.0,
    )


def test_a_page_of_a_proxy_is_told_in_short() -> None:
    assert len(str(refused(502, b"<html>" * 1000))) < 300
    assert str(refused(502, b"\xff")).endswith("\N{REPLACEMENT CHARACTER}")
    assert str(refused(502, b"")) == "the API answered 502: nothing was said"


def test_a_closed_socket_tells_its_code() -> None:
    error = SocketClosed(1008, "")
    assert str(error) == "the WebSocket was closed with 1008"
