"""Fields have the types that their labels promise."""

import pytest

from homeport.errors import InvalidValue
from homeport.protocol.formats import fields


def test_what_is_not_there_is_the_default() -> None:
    assert fields.text({}, "n") == ""
    assert fields.number({}, "t") == 0
    assert fields.only({}, ("v", "vs")) is None


@pytest.mark.parametrize("found", [None, 5, b"x", [], "x" * 65])
def test_a_name_is_short_text(found: object) -> None:
    assert fields.text({"n": "x" * 64}, "n") == "x" * 64
    with pytest.raises(InvalidValue):
        fields.text({"n": found}, "n")


@pytest.mark.parametrize("found", [None, True, "5", [5]])
def test_a_time_is_a_number(found: object) -> None:
    assert fields.number({"t": 5}, "t") == 5.0
    with pytest.raises(InvalidValue):
        fields.number({"t": found}, "t")


def test_times_are_added_and_stay_finite() -> None:
    assert fields.time(5, -2.5) == 2.5
    assert fields.time(5, -5) is None
    with pytest.raises(InvalidValue):
        fields.time(1e308, 1e308)


def test_only_one_of_several_labels_may_stand() -> None:
    assert fields.only({"v": 5, "n": "x"}, ("v", "vs")) == "v"
    with pytest.raises(InvalidValue, match="v and vs"):
        fields.only({"v": 5, "vs": "x"}, ("v", "vs"))


def test_a_name_is_a_path() -> None:
    assert fields.path("/3/0/9") == (3, 0, 9)
    with pytest.raises(InvalidValue):
        fields.path("3/0/9")
