"""Links are paths, some of them with the value that stands beside them."""

import pytest

from homeport.errors import InvalidFormat, InvalidValue
from homeport.protocol.formats import links
from homeport.protocol.formats.records import Record
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import ROOT, Path
from tests.support.contents import contents


def test_paths_and_inline_values_are_read() -> None:
    payload = (
        b'</10252/0/2>;rt="State";v="1";aobs="49",'
        b'</10252/0/3>;v="-1",'
        b'</10255/0/3>;v="AAE=",'
        b'</14/0/0>;v="MAIN",'
        b'</10255/0/4>;rt="Class";v,'
        b"</1/0>"
    )
    assert links.decode(payload, ROOT, CORE) == (
        Record(Path((10252, 0, 2)), 1),
        Record(Path((10252, 0, 3)), -1),
        Record(Path((10255, 0, 3)), b"\x00\x01"),
        Record(Path((14, 0, 0)), "MAIN"),
        Record(Path((10255, 0, 4)), None),
        Record(Path((1, 0)), None),
    )


def test_captured_discoveries_are_read() -> None:
    for payload in contents(40):
        if payload.startswith(b"</3>,</3/0>"):
            records = links.decode(payload, Path((3,)), CORE)
            assert Record(Path((3, 0, 0)), None) in records
            return
    pytest.fail("nobody has discovered a device")


def test_the_root_is_a_link_as_well() -> None:
    assert links.decode(b'</>;rt="oma.lwm2m"', ROOT, CORE) == (Record(ROOT, None),)


@pytest.mark.parametrize(
    ("payload", "position"),
    [
        (b"</3/0/9>,", 9),
        (b"</3/0/9>,</rd>", 1),
        (b"</3/0/9>,<coap://h/3>", 1),
        (b"</3/0/9>,</3/0/9>", 1),
        (b"</3/0/9>,</4/0/2>", 1),
        (b'</3/0/9>;v="full"', 0),
    ],
)
def test_what_is_no_link_of_the_base_is_refused(payload: bytes, position: int) -> None:
    with pytest.raises(InvalidFormat) as raised:
        links.decode(payload, Path((3,)), CORE)
    assert raised.value.position == position


@pytest.mark.parametrize("value", ["a\nb", "\x00", "\x7f"])
def test_control_characters_are_not_written(value: str) -> None:
    path = Path((3, 0, 0))
    assert links.encode([Record(path, "a b")], path) == b'</3/0/0>;v="a b"'
    with pytest.raises(InvalidValue):
        links.encode([Record(path, value)], path)
