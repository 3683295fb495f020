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
        ("pmin=nan", "pmax=1"),
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
        (("gt=3", "lt=1", "st=1.01"), "st"),
        (("pmin=1", "pmin=1"), "pmin"),
        (("pmin=1\x00",), "pmin"),
    ],
)
def test_what_contradicts_itself_is_named(queries: tuple[str, ...], named: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        attributes.check(queries)
    assert caught.value.name == named
