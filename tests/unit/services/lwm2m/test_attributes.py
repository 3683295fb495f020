"""Which notification attributes contradict each other."""

import pytest

from homeport.errors import InvalidParameter
from services.lwm2m import attributes


@pytest.mark.parametrize(
    "queries",
    [
        *((), ("pmin=1", "pmax=1"), ("epmin=1", "epmax=2"), ("gt=2", "lt=1")),
        *(("gt=3", "lt=1", "st=1"), ("gt=-1", "lt=-2.5"), ("st=100",), ("lt=5",)),
        *(("pmin",), ("pmin=", "pmax=1"), ("pmin=x", "pmax=1"), ("color=red",)),
        *(("pmin=nan", "pmax=1"), ("gt=1e999999", "lt=2e999999", "st=1e999999")),
        ("gt=18446744073709551615", "lt=18446744073709551614"),
        ("gt=-9223372036854775807", "lt=-9223372036854775808"),
    ],
)
def test_what_agrees_or_is_the_devices_to_judge_passes(
    queries: tuple[str, ...],
) -> None:
    attributes.check(queries)


@pytest.mark.parametrize(
    ("queries", "named"),
    [
        (("pmin=2", "pmax=1"), "pmin"),
        (("epmin=2", "epmax=1"), "epmin"),
        (("gt=1", "lt=1"), "gt"),
        (("lt=2.5", "gt=-2"), "gt"),
        (("gt=18446744073709551614", "lt=18446744073709551615"), "gt"),
        (("pmin=4294967295.5", "pmax=4294967295"), "pmin"),
        (("gt=3", "lt=1", "st=1.01"), "st"),
        (("pmin=1", "pmin=1"), "pmin"),
        (("pmin=1\x00",), "pmin"),
    ],
)
def test_what_contradicts_itself_is_named(queries: tuple[str, ...], named: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        attributes.check(queries)
    assert caught.value.name == named
