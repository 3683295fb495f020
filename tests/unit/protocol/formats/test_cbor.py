"""A resource is one data item."""

import pytest

from homeport.errors import InvalidFormat, InvalidValue
from homeport.protocol.formats import cbor
from homeport.protocol.formats.records import ObjectLink, Record, Time, Value
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import Path
from tests.support.records import UNKNOWN

BATTERY = Path((3, 0, 9))


@pytest.mark.conforms("C-200", "Anjay cbor_requests")
@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ((3, 0, 9), "185f", 95),
        ((3, 0, 0), "6178", "x"),
        ((3, 0, 13), "c11a514b67b0", Time(1_363_896_240)),
        ((0, 0, 5), "4100", b"\x00"),
        ((1, 0, 6), "f5", True),
        ((3303, 0, 5700), "fb4035800000000000", 21.5),
        ((3, 0, 22, 0), "6436363a30", ObjectLink(66, 0)),
    ],
)
def test_each_type_is_read_and_written(
    path: tuple[int, ...], text: str, value: Value
) -> None:
    record = Record(Path(path), value)
    payload = bytes.fromhex(text)
    assert cbor.decode(payload, record.path, CORE) == (record,)
    assert cbor.encode([record], record.path) == payload


def test_a_time_without_its_tag_is_one_by_its_type() -> None:
    (record,) = cbor.decode(bytes.fromhex("1a514b67b0"), Path((3, 0, 13)), CORE)
    assert record.value == Time(1_363_896_240)


def test_a_time_with_its_tag_is_one_by_itself() -> None:
    (record,) = cbor.decode(bytes.fromhex("c105"), Path((9999, 0, 1)), UNKNOWN)
    assert record.value == Time(5)


@pytest.mark.parametrize("text", ["f6", "80", "a0", "6135", "f5", "f94580", ""])
def test_what_is_no_value_of_its_type_is_refused(text: str) -> None:
    with pytest.raises(InvalidFormat):
        cbor.decode(bytes.fromhex(text), BATTERY, CORE)


def test_only_a_resource_has_a_value() -> None:
    with pytest.raises(InvalidFormat):
        cbor.decode(b"\x05", Path((3, 0)), CORE)
    with pytest.raises(InvalidValue):
        cbor.encode([Record(BATTERY, 5)], Path((3, 0)))
    with pytest.raises(InvalidValue):
        cbor.encode([Record(BATTERY, None)], BATTERY)
