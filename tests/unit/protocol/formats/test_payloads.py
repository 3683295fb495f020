"""What every format has in common is checked for all of them in one place."""

import pytest

from homeport.errors import InvalidFormat, InvalidValue
from homeport.protocol.formats import payloads, values
from homeport.protocol.formats.payloads import Reading
from homeport.protocol.formats.records import Record, Value
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import Path

DEVICE = Path((3, 0))
BATTERY = Path((3, 0, 9))


def new_reading() -> Reading[Value]:
    return Reading("format", values.fit, base=DEVICE, definitions=CORE)


def test_records_are_kept_in_their_order_and_with_their_type() -> None:
    reading = new_reading()
    reading.add(Path((3, 0, 13)), 5, 7.0)
    reading.add(BATTERY, 95)
    assert [each.path[2] for each in reading.records] == [13, 9]
    assert reading.records[1] == Record(BATTERY, 95)


def test_an_error_has_the_number_of_its_record() -> None:
    reading = new_reading()
    reading.add(BATTERY, 95)
    with pytest.raises(InvalidFormat) as raised:
        reading.add(Path((3, 0, 0)), 95)
    assert (
        str(raised.value) == "format: has a value that is no String, in a record at 1"
    )


def test_the_limit_of_records_is_one_that_may_be_reached() -> None:
    reading = new_reading()
    for each in range(payloads.MOST_RECORDS):
        reading.add(Path((3, 0, 6, each)), each)
    with pytest.raises(InvalidFormat, match="more than"):
        reading.add(BATTERY, 95)


@pytest.mark.parametrize(
    "records",
    [
        [],
        [Record(BATTERY, None)],
        [Record(BATTERY, 95, 5.0)],
        [Record(Path((*BATTERY, 0)), 95)],
        [Record(BATTERY, 95), Record(Path((*BATTERY, 0)), 95)],
    ],
)
def test_one_value_is_one_value_of_the_base(records: list[Record]) -> None:
    assert payloads.only_value([Record(BATTERY, 95)], BATTERY) == 95
    with pytest.raises(InvalidValue):
        payloads.only_value(records, BATTERY)


def test_times_are_for_formats_that_can_tell_them() -> None:
    records = [Record(BATTERY, 95, 5.0)]
    payloads.check(records, DEVICE, timed=True)
    with pytest.raises(InvalidValue, match="time"):
        payloads.check(records, DEVICE)
