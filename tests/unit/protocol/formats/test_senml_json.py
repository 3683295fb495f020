"""SenML JSON is read and written as devices do it."""

import orjson
import pytest

from homeport.errors import InvalidFormat
from homeport.protocol.formats import senml_json
from homeport.protocol.formats.records import ObjectLink, Record, Time
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import ROOT, Path
from tests.support.contents import contents
from tests.support.records import DEVICE, DEVICE_RECORDS, UNKNOWN

EXAMPLE = b"""[
{"bn":"/3/0/","n":"0","vs":"Open Mobile Alliance"},
{"n":"1","vs":"Lightweight M2M Client"},
{"n":"2","vs":"345000123"},
{"n":"3","vs":"1.0"},
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
{"n":"14","vs":"+02:00"},
{"n":"16","vs":"U"}]"""


@pytest.mark.conforms("C-199", "Anjay senml_json")
def test_the_example_of_the_specification_is_read() -> None:
    assert senml_json.decode(EXAMPLE, DEVICE, CORE) == DEVICE_RECORDS


def test_the_base_stands_once_and_names_continue_it() -> None:
    path = Path((3, 0, 22, 0))
    records = [
        Record(Path((3, 0, 9)), 95),
        Record(Path((3, 0, 11)), None),
        Record(path, ObjectLink(66, 0), time=5.5),
    ]
    assert orjson.loads(senml_json.encode(records, DEVICE)) == [
        {"bn": "/3/0", "n": "/9", "v": 95},
        {"n": "/11"},
        {"n": "/22/0", "vlo": "66:0", "t": 5.5},
    ]


def test_the_base_itself_has_no_name_of_its_own() -> None:
    path = Path((3, 0, 9))
    payload = senml_json.encode([Record(path, 95)], path)
    assert orjson.loads(payload) == [{"bn": "/3/0/9", "v": 95}]


def test_paths_alone_are_what_a_composite_read_asks_for() -> None:
    records = (Record(Path((3, 0, 9)), None), Record(ROOT, None))
    payload = senml_json.encode(records, ROOT)
    assert orjson.loads(payload) == [{"n": "/3/0/9"}, {"n": "/"}]
    assert senml_json.decode(payload, ROOT, CORE) == records


def test_bytes_are_base64_for_urls_without_padding() -> None:
    path = Path((0, 0, 5))
    payload = senml_json.encode([Record(path, b"\xfb\xff\x01\x02")], path)
    assert orjson.loads(payload) == [{"bn": "/0/0/5", "vd": "-_8BAg"}]


@pytest.mark.parametrize("written", ["-_8BAg", "-_8BAg==", "+/8BAg=="])
def test_either_alphabet_of_base64_is_read(written: str) -> None:
    payload = orjson.dumps([{"n": "/0/0/5", "vd": written}])
    (record,) = senml_json.decode(payload, ROOT, CORE)
    assert record.value == b"\xfb\xff\x01\x02"


def test_the_captured_device_is_read() -> None:
    (payload,) = contents(senml_json.CONTENT_FORMAT)
    records = senml_json.decode(payload, DEVICE, CORE)
    assert Record(Path((3, 0, 13)), Time(1_795_402_915)) in records
    assert Record(Path((3, 0, 22, 0)), ObjectLink(33_606, 0)) in records


def test_a_number_beyond_64_bits_is_no_integer() -> None:
    for number in (b"18446744073709551616", b"1e400", b"NaN", b"-Infinity"):
        payload = b'[{"n":"/3/0/9","v":' + number + b"}]"
        with pytest.raises(InvalidFormat):
            senml_json.decode(payload, ROOT, CORE)


@pytest.mark.parametrize(
    ("payload", "position"),
    [
        (b"", 0),
        (b'[{"n":"/3/0/9","v":95}', 22),
        (b'[{"n":"/3/0/9","v":95}]]', 23),
        (b'{"n":"/3/0/9","v":95}', 0),
        (b"null", 0),
        (b'[{"n":"/3/0/9","v":95},95]', 1),
        (b'[{"n":"/3/0/9","vd":"*"}]', 0),
    ],
)
def test_what_is_no_pack_says_where(payload: bytes, position: int) -> None:
    assert senml_json.decode(b'[{"n":"/3/0/9","v":95}]', ROOT, UNKNOWN)
    with pytest.raises(InvalidFormat) as raised:
        senml_json.decode(payload, ROOT, UNKNOWN)
    assert raised.value.position == position
