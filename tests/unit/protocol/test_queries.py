"""Parameters are read in any order, each once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidParameter
from homeport.protocol import queries


def test_a_parameter_is_a_name_and_what_follows_the_first_equals_sign() -> None:
    assert queries.parse(("ep=a=b", "Q", "et=")) == {"ep": "a=b", "Q": "", "et": ""}


@pytest.mark.parametrize("twice", [("lt=1", "lt=2"), ("Q", "Q"), ("x=1", "x")])
def test_a_name_that_stands_twice_is_refused(twice: tuple[str, ...]) -> None:
    with pytest.raises(InvalidParameter, match="stands twice"):
        queries.parse(twice)


def test_a_sentence_about_a_name_is_short_and_plain() -> None:
    with pytest.raises(InvalidParameter) as raised:
        queries.parse(("€" * 100, "€" * 100))
    assert str(raised.value).isascii()
    assert len(str(raised.value)) < 250


@pytest.mark.parametrize("query", ["a\x00=b", "a=b\n", "a=\x7f", "a=\x9b"])
def test_a_control_character_is_refused(query: str) -> None:
    with pytest.raises(InvalidParameter, match="control character"):
        queries.parse((query,))


@given(st.lists(st.text()))
def test_any_text_is_parameters_or_an_invalid_one(texts: list[str]) -> None:
    try:
        parameters = queries.parse(texts)
    except InvalidParameter:
        return
    assert len(parameters) == len(texts)
