"""What is asked of a list becomes a query as the API reads it."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from homeport.client.queries import Asked, build


@pytest.mark.parametrize(
    ("name", "value", "parameter", "text"),
    [
        ("state", "registered", "state__eq", "registered"),
        ("state__neq", "registered", "state__neq", "registered"),
        ("name__in", ["a", "b"], "name__in", "a,b"),
        ("operator_suspended", True, "operator_suspended__eq", "true"),
        ("expire", 30, "expire__eq", "30"),
        ("custom_attributes__room", "b", "custom_attributes__room__eq", "b"),
        ("limit", 10, "limit", "10"),
        ("order", "DESC", "order", "DESC"),
        ("filter", "state=registered", "filter", "state=registered"),
        (
            "connector_expiration_date__lte",
            date(2027, 1, 31),
            "connector_expiration_date__lte",
            "2027-01-31",
        ),
        (
            "created_at__gte",
            datetime(2026, 11, 25, 12, tzinfo=UTC),
            "created_at__gte",
            "2026-11-25T12:00:00+00:00",
        ),
    ],
)
def test_a_value_is_written_as_the_api_reads_it(
    name: str, value: Asked, parameter: str, text: str
) -> None:
    assert build({name: value}) == {parameter: text}


def test_a_time_is_told_in_utc() -> None:
    there = datetime(2026, 11, 25, 14, tzinfo=timezone(timedelta(hours=2)))
    (text,) = build({"created_at__lte": there}).values()
    assert text == "2026-11-25T12:00:00+00:00"
