"""Times as callers write and read them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidFormat
from services.directory import times

NOON = datetime(2016, 11, 30, 16, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2016-11-30T16:25:12Z",
        "2016-11-30T16:25:12.000000Z",
        "2016-11-30T16:25:12.0Z",
        "2016-11-30T16:25:12+00:00",
        "20161130T162512Z",
    ],
)
def test_every_form_of_the_contract_is_read(text: str) -> None:
    assert times.parse(text) == NOON


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2016-11-30",
        "2016-11-30T16:25:12",
        "2016-11-30T16:25:12+01:00",
        "2016-13-30T16:25:12Z",
        "2016-11-30T25:25:12Z",
        "0000-11-30T16:25:12Z",
        "2016-W48-3T16:25:12Z",
        "1480523112",
        "2016-11-30T16:25:12Z\0",
    ],
)
def test_nothing_else_is(text: str) -> None:
    with pytest.raises(InvalidFormat):
        times.parse(text)


def test_the_fraction_is_never_dropped() -> None:
    assert times.build(NOON) == "2016-11-30T16:25:12.000000Z"


def test_times_are_written_in_utc() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=2)))
    assert times.build(elsewhere) == "2016-11-30T16:25:12.000000Z"


@given(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 # the strategy adds the zone
def test_what_is_written_is_read_again(time: datetime) -> None:
    assert times.parse(times.build(time)) == time
