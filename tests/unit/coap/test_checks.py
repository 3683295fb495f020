"""Options that must not be ignored are not."""

import pytest

from homeport.coap import checks
from homeport.coap.codec import Code, Message, Option, Options, Type

PATH = ((int(Option.URI_PATH), b"rd"),)


def request(*options: tuple[int, bytes]) -> Message:
    ordered: Options = tuple(sorted((*PATH, *options), key=lambda pair: pair[0]))
    return Message(Type.CON, Code.POST, 1, b"", ordered)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), None),
        (((int(Option.URI_QUERY), b"ep=x"), (int(Option.URI_QUERY), b"lt=1")), None),
        (((int(Option.MAX_AGE), b""),), None),
        (((int(Option.CONTENT_FORMAT), b""),) * 2, None),
        (((2_048, b"elective"),), None),
        (((2_049, b"critical"),), Code.BAD_OPTION),
        (((int(Option.OSCORE), b""),), Code.BAD_OPTION),
        (((int(Option.ACCEPT), b""),) * 2, Code.BAD_OPTION),
        (((int(Option.BLOCK1), b""),) * 2, Code.BAD_OPTION),
        (((int(Option.URI_PATH), b"\xff"),), Code.BAD_REQUEST),
        (((int(Option.URI_QUERY), b"ep=\xff"),), Code.BAD_REQUEST),
        (((int(Option.PROXY_URI), b"coap://x"),), Code.PROXYING_NOT_SUPPORTED),
    ],
)
def test_a_request_is_refused_for_an_option_or_taken(
    options: tuple[tuple[int, bytes], ...], code: Code | None
) -> None:
    assert checks.refusal(request(*options)) == code


@pytest.mark.parametrize(
    ("code", "options", "another"),
    [
        (Code.POST, (), False),
        (Code.POST, ((int(Option.URI_QUERY), b"lt=300"),), False),
        (Code.POST, ((int(Option.URI_QUERY), b"\x02\x10\x02\x01"),), True),
        (Code.POST, ((int(Option.MAX_AGE), b""), (18, b"\x02\x10\x02\x01")), True),
        (Code.POST, ((int(Option.ACCEPT), b"\x02\x10\x02\x01"),), True),
        (Code.POST, ((int(Option.ACCEPT), b""), (int(Option.ACCEPT), b"")), True),
        (Code.CHANGED, ((int(Option.URI_PATH), b"rd"),), True),
    ],
)
def test_options_may_be_another_message(
    code: Code, options: Options, *, another: bool
) -> None:
    path = () if code is Code.CHANGED else PATH
    message = Message(Type.CON, code, 1, b"", (*path, *options))
    assert checks.holds_another(message) is another


@pytest.mark.parametrize(
    ("unwanted", "code", "silent"),
    [
        (b"", Code.CHANGED, False),
        (b"\x02", Code.CHANGED, True),
        (b"\x02", Code.NOT_FOUND, False),
        (b"\x08", Code.NOT_FOUND, True),
        (b"\x1a", Code.SERVICE_UNAVAILABLE, True),
    ],
)
def test_who_wants_no_answer_of_a_class_says_so(
    unwanted: bytes, code: Code, *, silent: bool
) -> None:
    asked = request((int(Option.NO_RESPONSE), unwanted))
    assert checks.is_unwanted(asked, code) is silent
