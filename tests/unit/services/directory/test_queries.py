"""What callers may ask of a list."""

import contextlib
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidParameter
from services.directory import queries
from services.directory.credentials.certificate_fields import TRUSTED_CERTIFICATE
from services.directory.devices.device_fields import DEVICE, DEVICE_EVENT
from services.directory.fields import Field
from services.directory.queries import Query


def asked(text: str) -> Query:
    return queries.parse(text, DEVICE)


def terms(text: str) -> list[tuple[str, str, tuple[object, ...]]]:
    return [
        (condition.name, condition.operator, condition.values)
        for condition in asked(text).conditions
    ]


def test_nothing_asked_is_the_first_page() -> None:
    assert asked("") == Query(50, False, "", False, ())


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("2", 2),
        ("1000", 1000),
        ("1", 2),
        ("0", 2),
        ("-7", 2),
        ("1001", 1000),
        ("999999999999", 1000),
        ("", 50),
    ],
)
def test_a_limit_out_of_its_bounds_is_clamped(text: str, limit: int) -> None:
    assert asked(f"limit={text}").limit == limit


@pytest.mark.parametrize(
    ("text", "descending"),
    [("ASC", False), ("asc", False), ("DESC", True), ("desc", True), ("", False)],
)
def test_either_order_is_known_in_either_case(text: str, descending: bool) -> None:  # noqa: FBT001
    assert asked(f"order={text}").descending is descending


def test_a_page_follows_the_last_object_of_the_one_before() -> None:
    assert asked("after=" + "A" * 32).after == "a" * 32


def test_the_total_count_is_told_when_asked_for() -> None:
    assert asked("include=total_count").total_count


@pytest.mark.parametrize(
    ("text", "parameter"),
    [
        ("limit=many", "limit"),
        ("limit=1.5", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("limit=٣", "limit"),
        ("order=UP", "order"),
        ("include=everything", "include"),
        ("colour=red", "colour"),
        ("state__like=reg", "state__like"),
        ("object__eq=device", "object__eq"),
        ("groups__in=a", "groups__in"),
        ("created_at__eq=2016-11-30T16:25:12Z", "created_at__eq"),
        ("created_at__gte=yesterday", "created_at__gte"),
        ("operator_suspended__eq=maybe", "operator_suspended__eq"),
        ("operator_suspended__in=true", "operator_suspended__in"),
        ("device_execution_mode__eq=one", "device_execution_mode__eq"),
        ("device_execution_mode__eq=99999999999", "device_execution_mode__eq"),
        ("etag__gte=2016-11-30T16:25:12Z", "etag__gte"),
        ("issuer_fingerprint__eq=a", "issuer_fingerprint__eq"),
        ("custom_attributes__eq=a", "custom_attributes__eq"),
        ("filter=colour%3Dred", "colour"),
    ],
)
def test_what_cannot_be_asked_is_named(text: str, parameter: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        asked(text)
    assert caught.value.name == parameter


def test_a_query_has_a_length() -> None:
    with pytest.raises(InvalidParameter) as caught:
        asked("id__in=" + "a" * queries.LARGEST_QUERY)
    assert caught.value.name == "query"


def test_filters_are_read_with_their_operators() -> None:
    assert terms(
        "state__eq=registered&name__neq=a%20b&id__in=A,b&endpoint_type__nin="
    ) == [
        ("state", "eq", ("registered",)),
        ("name", "neq", ("a b",)),
        ("id", "in", ("a", "b")),
        ("endpoint_type", "nin", ("",)),
    ]


def test_a_bare_field_means_eq() -> None:
    assert terms("state=registered") == [("state", "eq", ("registered",))]


def test_custom_attributes_are_asked_for_by_their_key() -> None:
    assert terms("custom_attributes__colour=red&custom_attributes__size__neq=1") == [
        ("custom_attributes__colour", "eq", ("red",)),
        ("custom_attributes__size", "neq", ("1",)),
    ]


def test_the_older_filter_holds_the_same_pairs_encoded_once_more() -> None:
    pairs = "state=registered&created_at__gte=2016-11-30T16:25:12Z"
    assert terms("filter=" + quote(pairs, safe="")) == terms(pairs)


def test_the_older_filter_knows_times_that_are_equal() -> None:
    older = quote("etag=2016-11-30T16:25:12Z&issuer_fingerprint__in=a,b", safe="")
    assert [(name, operator) for name, operator, _ in terms(f"filter={older}")] == [
        ("etag", "eq"),
        ("issuer_fingerprint", "in"),
    ]


def test_booleans_and_numbers_are_read_from_text() -> None:
    assert terms("auto_update__eq=True&device_execution_mode__in=0,5") == [
        ("auto_update", "eq", (True,)),
        ("device_execution_mode", "in", (0, 5)),
    ]


def test_a_character_that_postgresql_refuses_never_reaches_it() -> None:
    assert terms("name__eq=%00") == [("name", "eq", ("\ufffd",))]


@pytest.mark.parametrize("fields", [DEVICE, DEVICE_EVENT])
def test_every_field_can_be_asked_for_as_it_says(fields: dict[str, Field]) -> None:
    samples = {"boolean": "true", "integer": "1", "string": "2016-11-30T16:25:12Z"}
    for name, field in fields.items():
        for operator in field.operators:
            sample = samples[str(field.kind.schema["type"])]
            query = queries.parse(urlencode({f"{name}__{operator}": sample}), fields)
            assert str(query.conditions[0].expression())


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidParameter):
        queries.parse(text, DEVICE)


def test_a_part_of_a_text_is_asked_for_where_that_is_offered() -> None:
    (condition,) = queries.parse("subject__like=50%", TRUSTED_CERTIFICATE).conditions
    compiled = condition.expression().compile()
    assert "ESCAPE" in str(compiled)
    with pytest.raises(InvalidParameter, match="like"):
        queries.parse("name__like=x", TRUSTED_CERTIFICATE)


@pytest.mark.parametrize("days", ["-1", "soon", str(2**31)])
def test_days_are_a_number(days: str) -> None:
    with pytest.raises(InvalidParameter, match="expire"):
        queries.parse(f"expire__eq={days}", TRUSTED_CERTIFICATE)
