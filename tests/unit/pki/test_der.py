"""A SEQUENCE comes apart into what it was built of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidFormat
from homeport.pki import der

PARTS = st.lists(
    st.binary(max_size=3).map(der.sequence)
    | st.sampled_from([127, 128, 255, 256, 60_000]).map(
        lambda n: der.sequence(bytes(n))
    ),
    max_size=3,
)


@given(PARTS)
def test_a_sequence_comes_apart_into_what_it_was_built_of(parts: list[bytes]) -> None:
    if sum(map(len, parts)) < 1 << 16:
        assert der.children(der.sequence(*parts)) == parts


@given(st.binary(max_size=40))
def test_bytes_come_apart_or_are_an_invalid_format(element: bytes) -> None:
    try:
        parts = der.children(element)
    except InvalidFormat:
        return
    assert element.endswith(b"".join(parts))


@pytest.mark.parametrize(
    ("element", "reason"),
    [
        ("", "breaks off in a header at 0"),
        ("30", "breaks off in a header at 0"),
        ("30 03 0101", "content that breaks off at 0"),
        ("30 02 0101", "content that breaks off at 2"),
        ("30 01 01", "breaks off in a header at 2"),
        ("30 00 00", "goes on behind its end at 2"),
        ("30 80 0000", "a length that is not taken"),
        ("30 83 000001 00", "a length that is not taken"),
        ("30 82 00", "breaks off"),
        ("31 00", "is no SEQUENCE at 0"),
    ],
)
def test_what_breaks_off_is_refused_with_its_position(
    element: str, reason: str
) -> None:
    with pytest.raises(InvalidFormat, match=reason):
        der.children(bytes.fromhex(element))
