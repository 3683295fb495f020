"""Times that are relative become absolute when somebody says what time it is."""

from homeport.protocol.formats import records
from homeport.protocol.formats.records import Record
from homeport.protocol.paths import Path

BATTERY = Path((3, 0, 9))
NOW = 1_700_000_000.0


def test_only_relative_times_are_resolved() -> None:
    given = [
        Record(BATTERY, 1, -5.0),
        Record(BATTERY, 2, 5.0),
        Record(BATTERY, 3, float(records.RELATIVE)),
        Record(BATTERY, 4),
    ]
    resolved = records.resolve(given, NOW)
    assert [each.time for each in resolved] == [
        NOW - 5,
        NOW + 5,
        records.RELATIVE,
        None,
    ]
    assert [each.value for each in resolved] == [1, 2, 3, 4]
