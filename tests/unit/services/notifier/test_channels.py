"""What a callback may look like."""

import pytest

from homeport.errors import InvalidParameter
from services.notifier import channels
from services.notifier.channels import Callback

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
    ],
)
def test_a_bad_callback_is_refused(callback: Callback, wrong: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        channels.check(callback)
    assert caught.value.name == wrong
