"""LwM2M JSON is read as devices of LwM2M 1.0 write it."""

import orjson
import pytest

from homeport.errors import InvalidFormat
from homeport.protocol.formats import lwm2m_json
from homeport.protocol.formats.records import ObjectLink, Record, Time, Value
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import ROOT, Path
from tests.support.contents import contents
from tests.support.records import DEVICE, DEVICE_RECORDS, UNKNOWN

EXAMPLE = b"""{"bn":"/3/0/","e":[
{"n":"0","sv":"Open Mobile Alliance"},
{"n":"1","sv":"Lightweight M2M Client"},
{"n":"2","sv":"345000123"},
{"n":"3","sv":"1.0"},
{"n":"6/0","v":1},
{"n":"6/1","v":5},
{"n":"7/0","v":3800},
{"n":"7/1","v":5000},
{"n":"8/0","v":125},
{"n":"8/1","v":900},
{"n":"9","v":100},
{"n":"10","v":15},
{"n":"11/0","v":0},
{"n":"13","v":1367491215},
{"n":"14","sv":"+02:00"},
{"n":"16","sv":"U"}]}"""

BATTERY = Path((3, 0, 9))


def decode(document: object, base: Path = DEVICE) -> tuple[Record, ...]:
    return lwm2m_json.decode(orjson.dumps(document), base, CORE)


@pytest.mark.conforms("C-200")
def test_the_example_of_the_specification_is_read() -> None:
    assert lwm2m_json.decode(EXAMPLE, DEVICE, CORE) == DEVICE_RECORDS


def test_the_captured_device_is_read() -> None:
    (payload,) = contents(lwm2m_json.CONTENT_FORMAT)
    records = lwm2m_json.decode(payload, DEVICE, CORE)
    assert Record(Path((3, 0, 0)), "Anjay") in records
    assert Record(Path((3, 0, 22, 0)), ObjectLink(33_606, 0)) in records


@pytest.mark.parametrize(
    "document",
    [
        {"bn": "/3/0/", "e": [{"n": "9", "v": 95}]},
        {"bn": "/3/0", "e": [{"n": "/9", "v": 95}]},
        {"bn": "/3/0/9", "e": [{"v": 95}]},
        {"bn": "/3/0/9", "e": [{"n": "", "v": 95}]},
        {"bn": "/", "e": [{"n": "3/0/9", "v": 95}]},
        {"e": [{"n": "9", "v": 95}]},
        {"e": [{"n": "/3/0/9", "v": 95}]},
    ],
)
def test_names_continue_the_base_name_or_what_was_asked_for(document: object) -> None:
    assert decode(document) == (Record(BATTERY, 95),)


def test_without_names_a_value_is_of_what_was_asked_for() -> None:
    assert decode({"e": [{"v": 95}]}, BATTERY) == (Record(BATTERY, 95),)
    assert decode({"e": [{"n": "3/0/9", "v": 95}]}, ROOT) == (Record(BATTERY, 95),)


def test_times_continue_the_base_time() -> None:
    document = {
        "bn": "/3/0/9",
        "bt": 1e9,
        "e": [{"v": 95}, {"v": 96, "t": -5}, {"v": 97, "t": -1e9}],
    }
    assert [each.time for each in decode(document)] == [1e9, 1e9 - 5, None]


@pytest.mark.parametrize(
    ("path", "fields", "value"),
    [
        ((3, 0, 13), {"v": 5}, Time(5)),
        ((3303, 0, 5700), {"v": 21.5}, 21.5),
        ((1, 0, 6), {"bv": True}, True),
        ((0, 0, 5), {"sv": "+/8="}, b"\xfb\xff"),
        ((3, 0, 22, 0), {"ov": "66:0"}, ObjectLink(66, 0)),
        ((3, 0, 11), {}, None),
    ],
)
def test_each_type_is_read_and_written(
    path: tuple[int, ...], fields: dict[str, object], value: Value | None
) -> None:
    record = Record(Path(path), value)
    base = Path(path[:2])
    payload = lwm2m_json.encode([record], base)
    assert orjson.loads(payload)["e"][0].items() >= fields.items()
    assert lwm2m_json.decode(payload, base, CORE) == (record,)


def test_bytes_of_no_known_type_stay_the_text_they_are() -> None:
    payload = lwm2m_json.encode([Record(Path((9999, 0, 1)), b"\xfb\xff")], ROOT)
    (record,) = lwm2m_json.decode(payload, ROOT, UNKNOWN)
    assert record.value == "+/8="


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"e": {}},
        {"e": [95]},
        {"bn": 3, "e": [{"n": "9", "v": 95}]},
        {"bt": "5", "e": [{"n": "9", "v": 95}]},
        {"bt": 1e308, "e": [{"n": "9", "v": 95, "t": 1e308}]},
        {"e": [{"n": 9, "v": 95}]},
        {"e": [{"n": "9", "v": "95"}]},
        {"e": [{"n": "9", "v": True}]},
        {"e": [{"n": "9", "v": None}]},
        {"e": [{"n": "9", "sv": "95"}]},
        {"e": [{"n": "9", "v": 95, "sv": "95"}]},
        {"e": [{"n": "9", "v": 95}, {"n": "9", "v": 96}]},
        {"e": [{"n": "22/0", "ov": "66"}]},
        {"bn": "/3/", "e": [{"n": "1/9", "v": 95}]},
        {"bn": "/" * 100, "e": [{"n": "9", "v": 95}]},
    ],
)
def test_what_is_no_document_of_the_base_is_refused(document: object) -> None:
    with pytest.raises(InvalidFormat):
        decode(document)
