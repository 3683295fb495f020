"""TLV gets its paths from what was asked for and its types from definitions."""

import pytest

from homeport.errors import InvalidFormat, InvalidValue
from homeport.protocol import tlv as entries
from homeport.protocol.formats import tlv
from homeport.protocol.formats.records import Record, Time
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import ROOT, Path
from tests.support.contents import contents
from tests.support.records import DEVICE, DEVICE_RECORDS, UNKNOWN

EXAMPLE = bytes.fromhex(
    "c80014 4f70656e204d6f62696c6520416c6c69616e6365"
    "c80116 4c69676874776569676874204d324d20436c69656e74"
    "c80209 333435303030313233"
    "c303 312e30"
    "8606 410001 410105"
    "880708 42000ed8 42011388"
    "8708 41007d 42010384"
    "c109 64"
    "c10a 0f"
    "830b 410000"
    "c40d 5182428f"
    "c60e 2b30323a3030"
    "c110 55"
)
TEMPERATURE = Path((3303,))


def decode(text: str, *base: int) -> tuple[Record, ...]:
    return tlv.decode(bytes.fromhex(text), Path(base), CORE)


def test_the_example_of_the_specification_is_read() -> None:
    assert tlv.decode(EXAMPLE, DEVICE, CORE) == DEVICE_RECORDS


def test_the_same_records_are_the_same_device_when_written() -> None:
    written = tlv.encode(DEVICE_RECORDS, DEVICE)
    assert tlv.decode(written, DEVICE, CORE) == DEVICE_RECORDS


def test_without_definitions_values_stay_bytes() -> None:
    records = tlv.decode(EXAMPLE, DEVICE, UNKNOWN)
    assert records[10] == Record(Path((3, 0, 9)), b"\x64")
    assert tlv.encode(records, DEVICE) == EXAMPLE


def test_every_captured_device_is_read() -> None:
    devices = [each for each in contents(11542) if b"dev_manufacturer" in each]
    assert devices
    for payload in devices:
        records = tlv.decode(payload, Path((3,)), CORE)
        assert Record(Path((3, 0, 0)), "dev_manufacturer") in records


def test_an_integer_of_eight_bytes_is_read_as_izuma_writes_it() -> None:
    text = "880b0b 480008 0000000000000000"
    assert decode(text, 3, 0) == (Record(Path((3, 0, 11, 0)), 0),)


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("080003 c10964", (3,)),  # the instance, in its object
        ("c10964", (3,)),  # an object of one instance may leave it out
        ("080003 c10964", (3, 0)),
        ("c10964", (3, 0)),
        ("c10964", (3, 0, 9)),
    ],
)
def test_a_resource_is_read_wherever_it_may_stand(
    text: str, base: tuple[int, ...]
) -> None:
    assert decode(text, *base) == (Record(Path((3, 0, 9)), 100),)


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("8606 410001 410105", (3, 0, 6)),
        ("410001 410105", (3, 0, 6)),
    ],
)
def test_a_multiple_resource_is_read_with_and_without_its_head(
    text: str, base: tuple[int, ...]
) -> None:
    assert [each.value for each in decode(text, *base)] == [1, 5]


@pytest.mark.parametrize("text", ["410105", "8306 410105"])
def test_a_resource_instance_is_read_with_and_without_its_resource(text: str) -> None:
    assert decode(text, 3, 0, 6, 1) == (Record(Path((3, 0, 6, 1)), 5),)


def test_what_is_empty_is_there_without_a_value() -> None:
    assert decode("0003 0004", 3) == (
        Record(Path((3, 3)), None),
        Record(Path((3, 4)), None),
    )
    assert decode("800b", 3, 0) == (Record(Path((3, 0, 11)), None),)
    assert decode("", 3, 0) == ()


def test_an_empty_string_and_empty_bytes_are_values() -> None:
    assert decode("c000", 3, 0) == (Record(Path((3, 0, 0)), ""),)
    assert decode("c003", 0, 0) == (Record(Path((0, 0, 3)), b""),)


@pytest.mark.parametrize(
    ("text", "base", "position"),
    [
        ("c10964", (), 0),  # no object
        ("c10964", (3303,), 0),  # an object of many instances, and none of them
        ("410001", (3, 0), 0),  # a value of no resource
        ("c10a0f", (3, 0, 9), 0),  # another resource
        ("080103 c10964", (3, 0), 0),  # another instance
        ("c10964 c10965", (3, 0), 1),  # the same twice
        ("c10964 c30a000000", (3, 0), 1),  # an integer of three bytes
        ("c000 c009", (3, 0), 1),  # an integer of none
        ("c10602", (1, 0), 0),  # a boolean that is neither
        ("c100ff", (3, 0), 0),  # no UTF-8
        ("c80000ff", (3, 0), 4),  # a head that breaks off
    ],
)
def test_what_does_not_fit_is_refused_with_its_record(
    text: str, base: tuple[int, ...], position: int
) -> None:
    with pytest.raises(InvalidFormat) as raised:
        decode(text, *base)
    assert raised.value.position == position


@pytest.mark.parametrize("number", ["7fc00000", "7f800000", "fff0000000000000"])
def test_numbers_that_are_not_finite_are_refused(number: str) -> None:
    head = "e41644" if len(number) == 8 else "e8164408"
    finite = "0" * len(number)
    assert decode(head + finite, 3303, 0) == (Record(Path((3303, 0, 5700)), 0.0),)
    with pytest.raises(InvalidFormat, match="finite"):
        decode(head + number, 3303, 0)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "c10900"),
        (-1, "c109ff"),
        (127, "c1097f"),
        (128, "c2090080"),
        (-129, "c209ff7f"),
        (1 << 31, "c809080000000080000000"),
        ((1 << 64) - 1, "c80908ffffffffffffffff"),
        (True, "c10901"),
        (False, "c10900"),
        (Time(-1), "c109ff"),
    ],
)
def test_values_are_written_in_as_few_bytes_as_they_need(
    value: int | Time, written: str
) -> None:
    path = Path((3, 0, 9))
    assert tlv.encode([Record(path, value)], DEVICE) == bytes.fromhex(written)


@pytest.mark.parametrize(
    ("records", "base"),
    [
        ([Record(Path((3, 0, 9)), 1)], ROOT),
        ([Record(Path((3, 0)), None)], DEVICE),
        ([Record(Path((3, 0, 6, 0)), None)], DEVICE),
        ([Record(Path((3, 0, 6)), 1), Record(Path((3, 0, 6, 0)), 1)], DEVICE),
    ],
)
def test_what_has_no_place_is_not_written(records: list[Record], base: Path) -> None:
    with pytest.raises(InvalidValue):
        tlv.encode(records, base)


def test_a_write_to_one_resource_is_what_izuma_takes() -> None:
    path = Path((26241, 0, 22))
    assert tlv.encode([Record(path, b"500")], path) == bytes.fromhex("c316 353030")
    assert entries.decode(bytes.fromhex("c316353030"))
