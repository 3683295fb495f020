"""Data items are read as RFC 8949 has them, and no others."""

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidFormat
from homeport.protocol.formats import cbor_items
from homeport.protocol.formats.cbor_items import Array, Item, Map
from homeport.protocol.formats.records import Time

SCALARS = (
    st.integers(-(1 << 64), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",)))
    | st.binary()
    | st.sampled_from([True, False, None])
)
ITEMS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.integers(-5, 300) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=8,
)


def decode(text: str) -> Item:
    return cbor_items.decode(bytes.fromhex(text), "CBOR")


def plain(item: Item) -> object:
    match item:
        case Array(items):
            return [plain(each) for each in items]
        case Map(pairs):
            return {plain(key): plain(value) for key, value in pairs}
        case _:
            return item


def depth(item: object) -> int:
    match item:
        case list():
            return 1 + max(map(depth, item), default=0)
        case dict():
            return 1 + max(map(depth, item.values()), default=0)
        case _:
            return 0


@given(ITEMS.filter(lambda item: depth(item) <= cbor_items.DEEPEST), st.booleans())
def test_what_another_encoder_writes_is_read(item: object, indefinite: bool) -> None:  # noqa: FBT001 # drawn
    payload = cbor2.dumps(item, indefinite_containers=indefinite)
    assert plain(cbor_items.decode(payload, "CBOR")) == item


@pytest.mark.parametrize(
    ("text", "item"),
    [  # RFC 8949 appendix A
        ("00", 0),
        ("17", 23),
        ("1818", 24),
        ("1903e8", 1000),
        ("1a000f4240", 1_000_000),
        ("1bffffffffffffffff", 18_446_744_073_709_551_615),
        ("20", -1),
        ("3903e7", -1000),
        ("3bffffffffffffffff", -18_446_744_073_709_551_616),
        ("f90001", 5.960464477539063e-8),
        ("f93c00", 1.0),
        ("f97bff", 65504.0),
        ("fa47c35000", 100_000.0),
        ("fb7e37e43c8800759c", 1.0e300),
        ("f4", False),
        ("f5", True),
        ("f6", None),
        ("4401020304", b"\x01\x02\x03\x04"),
        ("60", ""),
        ("62c3bc", "ü"),
        ("5f42010243030405ff", b"\x01\x02\x03\x04\x05"),
        ("7f657374726561646d696e67ff", "streaming"),
        ("8301820203820405", [1, [2, 3], [4, 5]]),
        ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
        ("9fff", []),
        ("a201020304", {1: 2, 3: 4}),
        ("bf6346756ef563416d7421ff", {"Fun": True, "Amt": -2}),
        ("c074323031332d30332d32315432303a30343a30305a", Time(1_363_896_240)),
        ("c11a514b67b0", Time(1_363_896_240)),
        ("c1fb41d452d9ec000000", Time(1_363_896_240)),
        ("c48221196ab3", 273.15),
    ],
)
def test_the_examples_of_the_rfc_are_read(text: str, item: object) -> None:
    read = plain(decode(text))
    assert read == item
    assert type(read) is type(item)


def test_an_array_may_be_a_key_and_a_key_may_stand_twice() -> None:
    assert decode("a28203000182030002") == Map(((Array((3, 0)), 1), (Array((3, 0)), 2)))


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("18", 1),
        ("1900", 1),
        ("4401", 1),
        ("8201", 2),
        ("a101", 2),
        ("9f01", 2),
        ("9bffffffffffffffff", 9),
        ("5bffffffffffffffff", 9),
        ("0000", 1),
        ("1c", 0),  # a width that is none
        ("ff", 0),  # a break of nothing
        ("5f6161ff", 1),  # text in bytes
        ("5f5f4101ffff", 1),  # parts in parts
        ("62c328", 1),  # no UTF-8
        ("61ff", 1),
        ("a1016161ff", 4),
        ("f97e00", 0),  # NaN
        ("f97c00", 0),  # infinity
        ("fbfff0000000000000", 0),
        ("f7", 0),  # undefined
        ("f818", 0),
        ("c249010000000000000000", 0),  # a large integer
        ("d9010281 01".replace(" ", ""), 0),  # a set
        ("c16161", 0),
        ("c1f5", 0),
        ("c1fb3ff8000000000000", 0),  # a second and a half
        ("c06161", 0),
        ("c071323031332d30332d32315432303a30343a", 0),
        ("c48201", 3),
        ("c482f501", 0),
        ("c4821a7fffffff01", 0),  # 1e2147483647
        ("d81c81d81d00", 3),  # a value that contains itself
    ],
)
def test_everything_else_says_where_it_is(text: str, position: int) -> None:
    with pytest.raises(InvalidFormat) as raised:
        decode(text)
    assert raised.value.position == position


def test_a_fraction_may_be_as_small_as_it_likes() -> None:
    assert decode("c4823b7fffffffffffffff01") == 0.0


@pytest.mark.parametrize("opening", ["81", "9f", "a100", "bf00", "c1"])
def test_what_is_too_deep_is_refused(opening: str) -> None:
    with pytest.raises(InvalidFormat, match="deep"):
        decode(opening * 100_000)
