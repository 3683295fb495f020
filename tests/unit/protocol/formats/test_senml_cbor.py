"""SenML CBOR is SenML with numbers for labels."""

import cbor2
import pytest

from homeport.errors import InvalidFormat
from homeport.protocol.formats import senml_cbor
from homeport.protocol.formats.records import ObjectLink, Record, Time
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import ROOT, Path
from tests.support.contents import contents
from tests.support.records import DEVICE

BATTERY = Record(Path((3, 0, 9)), 95)


def test_a_record_is_read_label_by_label() -> None:
    payload = bytes.fromhex(
        "82"  # two records
        "a4 21 65 2f332f302f 22 1a3b9aca00 00 61 39 02 185f"  # bn, bt, n, v
        "a3 00 64 32322f30 06 23 63 766c6f 64 36363a30"  # n, t, vlo
    )
    assert senml_cbor.decode(payload, DEVICE, CORE) == (
        Record(Path((3, 0, 9)), 95, 1e9),
        Record(Path((3, 0, 22, 0)), ObjectLink(66, 0), 1e9 - 4),
    )


def test_what_is_written_has_the_labels_of_the_rfc() -> None:
    records = [
        Record(Path((3, 0, 13)), Time(5), time=2.5),
        Record(Path((3, 0, 22, 0)), ObjectLink(66, 0)),
        Record(Path((3, 0, 0)), "x"),
        Record(Path((3, 0, 17)), b"x"),
        Record(Path((3, 0, 18)), True),
    ]
    assert cbor2.loads(senml_cbor.encode(records, DEVICE)) == [
        {-2: "/3/0", 0: "/13", 2: 5, 6: 2.5},
        {0: "/22/0", "vlo": "66:0"},
        {0: "/0", 3: "x"},
        {0: "/17", 8: b"x"},
        {0: "/18", 4: True},
    ]


def test_every_captured_device_is_read() -> None:
    payloads = list(contents(senml_cbor.CONTENT_FORMAT))
    assert payloads
    for payload in payloads:
        records = senml_cbor.decode(payload, Path((3,)), CORE)
        assert Record(Path((3, 0, 0)), "Anjay") in records
        assert Record(Path((3, 0, 22, 0)), ObjectLink(33_606, 0)) in records


def test_labels_that_are_not_known_are_passed_over() -> None:
    pack = [{0: "/3/0/9", 2: 95, 99: "x", "more": [1], -7: 5}]
    assert senml_cbor.decode(cbor2.dumps(pack), ROOT, CORE) == (BATTERY,)


@pytest.mark.parametrize(
    "text",
    [
        "a0",  # no array
        "8101",  # no map in it
        "81a1f502",  # a label that is true
        "81a1410002",  # a label of bytes
        "81a2 00 66 2f332f302f39 00 66 2f332f302f39",  # a name twice
        "81a2 00 66 2f332f302f39 61 6e 66 2f332f302f39",  # by number and by label
        "81a2 00 66 2f332f302f39 63 6f665f 01",  # a label to be understood
    ],
)
def test_what_is_no_pack_is_refused(text: str) -> None:
    sound = "81a2 00 66 2f332f302f39 02 185f"
    assert senml_cbor.decode(bytes.fromhex(sound), ROOT, CORE) == (BATTERY,)
    with pytest.raises(InvalidFormat):
        senml_cbor.decode(bytes.fromhex(text), ROOT, CORE)
