"""A last value is read as it was written; one that is too large is not kept."""

from hypothesis import given
from hypothesis import strategies as st

from homeport.store import values
from homeport.store.values import LARGEST, LastValue


@given(
    st.builds(
        LastValue,
        content_format=st.none() | st.integers(0, 65_535),
        payload=st.binary(),
        at=st.integers(0, 2**53),
        fresh_until=st.integers(0, 2**53),
    )
)
def test_what_is_written_is_read_again(value: LastValue) -> None:
    text = values.build(value)
    assert "\n" not in text
    assert values.parse(text) == value


def test_a_value_that_is_too_large_is_not_kept() -> None:
    assert values.build(LastValue(42, bytes(LARGEST), 1, 1))
    assert values.build(LastValue(42, bytes(LARGEST + 1), 1, 1)) == ""
