"""Text is the value of one resource."""

import pytest

from homeport.errors import InvalidFormat, InvalidValue
from homeport.protocol.formats import text
from homeport.protocol.formats.records import ObjectLink, Record, Time, Value
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import Path
from tests.support.contents import contents
from tests.support.records import UNKNOWN


@pytest.mark.conforms("C-201", "1.0 text")
@pytest.mark.parametrize(
    ("path", "payload", "value"),
    [
        ((3, 0, 0), b"Izuma", "Izuma"),
        ((3, 0, 0), b"", ""),
        ((3, 0, 9), b"-95", -95),
        ((3, 0, 13), b"1795402917", Time(1_795_402_917)),
        ((1, 0, 6), b"0", False),
        ((3303, 0, 5700), b"21.5", 21.5),
        ((0, 0, 5), b"+/8=", b"\xfb\xff"),
        ((3, 0, 22, 0), b"66:0", ObjectLink(66, 0)),
    ],
)
def test_each_type_is_read_and_written(
    path: tuple[int, ...], payload: bytes, value: Value
) -> None:
    record = Record(Path(path), value)
    assert text.decode(payload, record.path, CORE) == (record,)
    assert text.encode([record], record.path) == payload


def test_without_a_type_text_stays_text() -> None:
    path = Path((9999, 0, 1))
    for payload in contents(text.CONTENT_FORMAT):
        (record,) = text.decode(payload, path, UNKNOWN)
        assert text.encode([record], path) == payload or isinstance(record.value, bytes)


def test_only_a_resource_has_a_value() -> None:
    with pytest.raises(InvalidFormat):
        text.decode(b"95", Path((3, 0)), CORE)
    with pytest.raises(InvalidValue):
        text.encode([Record(Path((3, 0, 9)), 95)], Path((3, 0)))


def test_what_is_not_of_its_type_is_refused() -> None:
    with pytest.raises(InvalidFormat, match="no Integer"):
        text.decode(b"full", Path((3, 0, 9)), CORE)
