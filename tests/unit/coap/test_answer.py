"""A diagnostic text is cut at characters, never inside one."""

from homeport.coap.answer import TEXT_LENGTH, explain
from homeport.coap.codec import Code
from homeport.errors import InvalidParameter


def test_an_error_explains_itself() -> None:
    answer = explain(Code.BAD_REQUEST, InvalidParameter("lt", "is wrong"))
    assert answer.code == Code.BAD_REQUEST
    assert answer.payload == b"lt is wrong"
    assert answer.keep


def test_a_long_text_is_cut_between_characters() -> None:
    answer = explain(Code.BAD_REQUEST, "é" * 100)
    assert answer.payload.decode() == "é" * TEXT_LENGTH
