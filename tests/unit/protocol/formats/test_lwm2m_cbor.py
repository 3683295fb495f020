"""Maps in maps are paths, however their keys are put together."""

import cbor2
import pytest

from homeport.errors import InvalidFormat, InvalidValue
from homeport.protocol.formats import lwm2m_cbor
from homeport.protocol.formats.records import ObjectLink, Record, Time
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import ROOT, Path
from tests.support.records import DEVICE, DEVICE_RECORDS

BATTERY = Record(Path((3, 0, 9)), 95)


@pytest.mark.parametrize(
    "text",
    [
        "a1 03 a1 00 a1 09 185f",  # {3: {0: {9: 95}}}
        "a1 82 03 00 a1 09 185f",  # {[3, 0]: {9: 95}}
        "a1 83 03 00 09 185f",  # {[3, 0, 9]: 95}
        "a1 81 03 a1 82 00 09 185f",  # {[3]: {[0, 9]: 95}}
        "bf 9f 03 00 ff bf 09 185f ff ff",  # the same without lengths
    ],
)
def test_every_way_to_put_keys_together_is_read(text: str) -> None:
    assert lwm2m_cbor.decode(bytes.fromhex(text), DEVICE, CORE) == (BATTERY,)


def test_what_is_written_is_a_map_for_each_level() -> None:
    records = [
        Record(Path((3, 0, 13)), Time(5)),
        Record(Path((3, 0, 22, 0)), ObjectLink(66, 0)),
        Record(Path((3, 0, 11)), None),
    ]
    payload = lwm2m_cbor.encode(records, DEVICE)
    assert payload == bytes.fromhex("a103a100a30dc10516a1006436363a300bf6")
    assert list(lwm2m_cbor.decode(payload, DEVICE, CORE)) == records


@pytest.mark.conforms("C-200", "Anjay hierarchical_cbor")
def test_the_device_of_the_specification_comes_back() -> None:
    payload = lwm2m_cbor.encode(DEVICE_RECORDS, ROOT)
    assert lwm2m_cbor.decode(payload, ROOT, CORE) == DEVICE_RECORDS


def test_what_is_empty_or_null_is_there_without_a_value() -> None:
    payload = cbor2.dumps({3: {0: {11: {}, 9: None}}, 4: {}})
    assert lwm2m_cbor.decode(payload, ROOT, CORE) == (
        Record(Path((3, 0, 11)), None),
        Record(Path((3, 0, 9)), None),
        Record(Path((4,)), None),
    )
    assert lwm2m_cbor.decode(b"\xa0", ROOT, CORE) == ()


@pytest.mark.parametrize(
    "item",
    [
        [3, 0, 9],
        95,
        {3: 95},
        {3: {0: 95}},
        {3: {0: {9: [95]}}},
        {3: {0: {9: "95"}}},
        {3: {0: {6: {0: {0: 1}}}}},
        {(3, 0, 6, 0, 0): 1},
        {(): 95},
        {"3": {0: {9: 95}}},
        {(3, "0", 9): 95},
        {(3, True, 9): 95},
        {-3: {0: {9: 95}}},
        {65_536: {0: {9: 95}}},
        {4: {0: {2: 95}}},
    ],
)
def test_what_is_no_record_of_the_base_is_refused(item: object) -> None:
    sound = cbor2.dumps({3: {0: {9: 95}}})
    assert lwm2m_cbor.decode(sound, Path((3,)), CORE) == (BATTERY,)
    with pytest.raises(InvalidFormat):
        lwm2m_cbor.decode(cbor2.dumps(item), Path((3,)), CORE)


def test_a_path_that_stands_twice_is_refused() -> None:
    payload = bytes.fromhex("a2 83030009 185f 03a100a109 185f")
    with pytest.raises(InvalidFormat, match="twice") as raised:
        lwm2m_cbor.decode(payload, DEVICE, CORE)
    assert raised.value.position == 1


@pytest.mark.parametrize(
    "records",
    [
        [Record(ROOT, None)],
        [Record(Path((3, 0, 6)), None), Record(Path((3, 0, 6, 0)), 1)],
        [Record(Path((3, 0, 6, 0)), 1), Record(Path((3, 0, 6)), None)],
    ],
)
def test_what_has_no_place_is_not_written(records: list[Record]) -> None:
    with pytest.raises(InvalidValue):
        lwm2m_cbor.encode(records, ROOT)
