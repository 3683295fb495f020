"""What a callback may look like."""

from datetime import UTC, datetime

import pytest

from homeport.errors import InvalidParameter
from homeport.names import AccountId
from services.notifier.channels import channels
from services.notifier.channels.channels import (
    Callback,
    Channel,
    Kind,
    LongPoll,
    Serialization,
    Way,
    WebSocket,
)

URL = "https://example.com/notifications"


@pytest.mark.parametrize(
    "callback",
    [
        Callback(URL),
        Callback("http://127.0.0.1:8080"),
        Callback("http://[::1]:8080/a?b=c"),
        Callback("https://user:password@example.com/"),
        Callback(URL, {"Authorization": "Bearer x", "X-Empty": ""}),
        Callback(URL, {"a": "b" * (399 - len(URL))}),
        Callback(URL, {}, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ],
)
def test_a_good_callback_passes(callback: Callback) -> None:
    channels.check(callback)


@pytest.mark.parametrize(
    ("callback", "wrong"),
    [
        (Callback(""), "url"),
        (Callback("example.com"), "url"),
        (Callback("ftp://example.com"), "url"),
        (Callback("http://"), "url"),
        (Callback("http://:80/"), "url"),
        (Callback("http://example.com:port/"), "url"),
        (Callback("http://example.com:99999/"), "url"),
        (Callback("http://example.com:0/"), "url"),
        (Callback("http://[::1/"), "url"),
        (Callback("http://example.com/a b"), "url"),
        (Callback("http://example.com/\x00"), "url"),
        (Callback("http://example.com/\r\nHost: x"), "url"),
        (Callback(URL, {"": "x"}), "headers"),
        (Callback(URL, {"a b": "x"}), "headers"),
        (Callback(URL, {"a": "x\r\nb: y"}), "headers"),
        (Callback(URL, {"a": "\x00"}), "headers"),
        (Callback(URL, {"a": "ü"}), "headers"),
        (Callback(URL, {"Content-Length": "0"}), "headers"),
        (Callback(URL, {"a": "b" * (400 - len(URL))}), "url and headers"),
        (Callback(URL + "/" + "x" * 400), "url and headers"),
        (Callback(URL, {}, "secret"), "signing_secret"),
    ],
)
def test_a_bad_callback_is_refused(callback: Callback, wrong: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        channels.check(callback)
    assert caught.value.name == wrong


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        (Callback(URL), Kind.CALLBACK),
        (LongPoll(), Kind.LONG_POLLING),
        (WebSocket(), Kind.WEB_SOCKET),
    ],
)
def test_a_channel_is_of_a_kind(way: Way, kind: Kind) -> None:
    channel = Channel(
        "k",
        AccountId("a" * 32),
        way,
        Serialization(),
        revision=1,
        created_at=datetime.now(UTC),
    )
    assert channel.kind is kind
