"""What the blocks of one body have in common, and how much a notification has."""

import pytest

from homeport.coap.codec import Code, Message, Option, Options, Type
from homeport.coap.requests import Notification, Request

OPTIONS: Options = ((Option.URI_PATH, b"rd"), (Option.URI_QUERY, b"ep=x"))


def request(
    *, token: bytes = b"", options: Options = OPTIONS, address: str = "a"
) -> Request[str]:
    message = Message(Type.CON, Code.POST, 1, token, options)
    return Request(message, address, 20)


def test_blocks_of_one_body_may_have_a_token_each() -> None:
    assert request(token=b"a").transfer == request(token=b"b").transfer


@pytest.mark.parametrize(
    "other",
    [
        request(address="b"),
        request(options=OPTIONS[:1]),
        request(options=(*OPTIONS, (Option.REQUEST_TAG, b""))),
        request(
            options=(*OPTIONS, (Option.REQUEST_TAG, b"1"), (Option.REQUEST_TAG, b"2"))
        ),
    ],
    ids=["address", "queries", "tag", "tags"],
)
def test_blocks_of_another_body_have_something_else(other: Request[str]) -> None:
    assert other.transfer != request().transfer


@pytest.mark.parametrize(
    ("options", "partial"),
    [
        ((), False),
        (((Option.BLOCK2, b"\x0d"),), True),
        (((Option.BLOCK2, b"\x05"),), False),
    ],
)
def test_a_notification_whose_body_goes_on_is_partial(
    options: Options, *, partial: bool
) -> None:
    message = Message(Type.CON, Code.CONTENT, 1, b"\x01\x5e", options)
    notification = Notification(message, "a")
    assert notification.partial is partial
    assert notification.token == b"\x01\x5e"
