"""Names and times continue their base; what changes their meaning is refused."""

from collections.abc import Mapping

import pytest

from homeport.errors import InvalidFormat
from homeport.protocol.formats import senml, values
from homeport.protocol.formats.payloads import Reading
from homeport.protocol.formats.records import ObjectLink, Record, Time, Value
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import ROOT, Path

BATTERY = Path((3, 0, 9))


def read(*pack: Mapping[str, object], base: Path = ROOT) -> tuple[Record, ...]:
    reading: Reading[Value] = Reading("SenML", values.fit, base=base, definitions=CORE)
    senml.read(reading, pack)
    return reading.records


@pytest.mark.parametrize(
    "parts",
    [
        {"n": "/3/0/9"},
        {"bn": "/3/0/9"},
        {"bn": "/3/0/", "n": "9"},
        {"bn": "/3/0", "n": "/9"},
        {"bn": "/", "n": "3/0/9"},
        {"bn": "/3/", "n": "0/9", "bver": 10},
        {"bn": "/3/0/9", "n": "", "u": "%", "bu": "%", "ut": 5},
    ],
)
def test_a_name_is_put_together(parts: Mapping[str, object]) -> None:
    assert read({**parts, "v": 95}) == (Record(BATTERY, 95),)


@pytest.mark.conforms("C-199", "RFC 8428 §4.1")
def test_a_base_holds_until_the_next() -> None:
    records = read(
        {"bn": "/3/0/", "bt": 1e9, "n": "9", "v": 95},
        {"n": "9", "v": 94, "t": -60},
        {"bn": "/4/0/", "n": "2", "v": -70},
        {"bt": 2e9, "n": "3", "v": 1},
    )
    assert records == (
        Record(BATTERY, 95, 1e9),
        Record(BATTERY, 94, 1e9 - 60),
        Record(Path((4, 0, 2)), -70, 1e9),
        Record(Path((4, 0, 3)), 1, 2e9),
    )


def test_a_time_of_zero_is_none() -> None:
    assert read({"bn": "/3/0/9", "bt": 60, "t": -60, "v": 95})[0].time is None


@pytest.mark.conforms("C-199", "RFC 8428", "Anjay senml_json")
@pytest.mark.parametrize(
    ("path", "fields", "value"),
    [
        ("/3/0/9", {"v": 95}, 95),
        ("/3/0/9", {"v": 95.0}, 95),
        ("/3303/0/5700", {"v": 21}, 21.0),
        ("/3/0/13", {"v": 5}, Time(5)),
        ("/3/0/13", {"v": Time(5)}, Time(5)),
        ("/3/0/0", {"vs": ""}, ""),
        ("/1/0/6", {"vb": False}, False),
        ("/0/0/5", {"vd": b"\x00"}, b"\x00"),
        ("/3/0/22/0", {"vlo": "66:0"}, ObjectLink(66, 0)),
        ("/3/0/9", {}, None),
        ("/9999/0/1", {"v": 1}, 1),
        ("/9999/0/1", {"vs": "1"}, "1"),
    ],
)
def test_values_have_the_type_of_their_resource(
    path: str, fields: Mapping[str, object], value: Value | None
) -> None:
    (record,) = read({"n": path, **fields})
    assert record.value == value
    assert type(record.value) is type(value)


@pytest.mark.parametrize(
    "changed",
    [
        {"n": "/3/0/9/"},
        {"n": "//3/0/9"},
        {"n": "3/0/9"},
        {"n": "/3/0/9/0/0"},
        {"n": "/3/0/65536"},
        {"n": "/3/0/09"},
        {"n": "/3/0/-9"},
        {"n": "/3/0/٩"},
        {"n": "/3/0/9\n"},
        {"n": "/3/../0/9"},
        {"n": "/3/0/9" + "0" * 64},
        {"bn": "/" * 65},
        {"n": None},
        {"n": 3},
        {"bn": 3},
        {"n": "/3/0"},
        {"t": "5"},
        {"t": True},
        {"t": 1e308, "bt": 1e308},
        {"bt": None},
        {"v": "95"},
        {"v": True},
        {"v": None},
        {"v": 95.5},
        {"v": 1 << 63},
        {"v": float("nan")},
        {"vs": "95"},
        {"bver": 11},
        {"bver": "10"},
        {"bv": 5},
        {"bs": 5},
        {"s": 5},
        {"must_": 5},
    ],
)
def test_what_has_another_meaning_is_refused(changed: Mapping[str, object]) -> None:
    sound = {"n": "/3/0/9", "v": 95}
    assert read({"n": "/3/0/6/0", "v": 1}, sound)
    with pytest.raises(InvalidFormat) as raised:
        read({"n": "/3/0/6/0", "v": 1}, {**sound, **changed})
    assert raised.value.position == 1


@pytest.mark.parametrize(
    "fields", [{"vs": 5}, {"vb": 1}, {"vd": 5}, {"vlo": "66"}, {"vlo": "66:65536"}]
)
def test_a_value_under_the_wrong_label_is_refused(
    fields: Mapping[str, object],
) -> None:
    with pytest.raises(InvalidFormat):
        read({"n": "/9999/0/1", **fields})


@pytest.mark.parametrize(
    "pack",
    [
        [{"bn": "/3/0/9"}, {"bn": "/0/0/5", "vs": "x"}],
        [{"bn": "/3/0/9"}, {"bn": "/3/", "n": "1/9", "v": 1}],
        [{"bn": "/3/0/9", "v": 1}, {"n": "9", "v": 1}],
    ],
)
def test_no_base_leads_out_of_what_was_asked_for(
    pack: list[Mapping[str, object]],
) -> None:
    with pytest.raises(InvalidFormat, match="not within"):
        read(*pack, base=BATTERY)


def test_a_path_stands_twice_only_at_two_times() -> None:
    entry = {"n": "/3/0/9", "v": 95}
    assert len(read(entry, {**entry, "t": 5})) == 2
    with pytest.raises(InvalidFormat, match="twice"):
        read(entry, entry)
