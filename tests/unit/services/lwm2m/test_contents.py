"""What a device says of a resource, as it is told and kept."""

import orjson
import pytest

from homeport.coap.codec import Code, Message, Option, Type
from homeport.store import values
from homeport.store.values import LARGEST, LastValue
from services.lwm2m import contents

NOW = 1_000_000


def message(
    payload: bytes = b"22", *options: tuple[int, bytes], code: Code = Code.CONTENT
) -> Message:
    return Message(Type.ACK, code, 1, b"\x01", options, payload)


def aged(age: bytes) -> Message:
    return message(b"22", (Option.MAX_AGE, age))


def test_all_of_a_response_is_told() -> None:
    said = message(b"22", (Option.CONTENT_FORMAT, b"*"), (Option.MAX_AGE, b"\x05"))
    assert contents.told(said) == {
        "code": "2.05",
        "content_format": 42,
        "max_age": 5,
        "payload": "MjI=",
    }


def test_what_is_not_said_is_the_default_or_left_out() -> None:
    assert contents.told(message(b"", code=Code.CHANGED)) == {
        "code": "2.04",
        "max_age": 60,
        "payload": "",
    }


def test_numbers_that_cannot_be_are_bounded() -> None:
    said = message(b"", (Option.CONTENT_FORMAT, b"\xff" * 8), (14, b"\xff" * 8))
    assert contents.told(said) == {
        "code": "2.05",
        "max_age": 2**32 - 1,
        "payload": "",
    }


def test_members_begin_with_a_comma_and_have_no_line_feed() -> None:
    text = contents.members({"a": 1, "b": "two\nlines"})
    assert text.startswith(",")
    assert "\n" not in text
    assert orjson.loads("{" + text[1:] + "}") == {"a": 1, "b": "two\nlines"}


@pytest.mark.parametrize(
    ("age", "seconds"), [(b"", 0), (b"\x05", 5), (b"\xff" * 4, 3 * 86_400)]
)
def test_a_value_is_fresh_for_as_long_as_its_device_says(
    age: bytes, seconds: int
) -> None:
    kept = values.parse(contents.value(aged(age), NOW))
    assert kept == LastValue(None, b"22", NOW, NOW + seconds * 1000)


def test_a_value_that_is_too_large_is_not_kept() -> None:
    assert contents.value(message(bytes(LARGEST + 1)), NOW) == ""
