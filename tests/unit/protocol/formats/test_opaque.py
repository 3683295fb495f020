"""Bytes are the value of one resource, as they are."""

import pytest

from homeport.errors import InvalidFormat, InvalidValue
from homeport.protocol.formats import opaque
from homeport.protocol.formats.records import Record
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import Path

PACKAGE = Path((5, 0, 0))


@pytest.mark.parametrize("payload", [b"", b"\x00\xff", b"text"])
@pytest.mark.parametrize("path", [(5, 0, 0), (3, 0, 0), (9999, 0, 1, 7)])
def test_bytes_stay_bytes_whatever_the_type(
    payload: bytes, path: tuple[int, ...]
) -> None:
    record = Record(Path(path), payload)
    assert opaque.decode(payload, record.path, CORE) == (record,)
    assert opaque.encode([record], record.path) == payload


def test_only_a_resource_has_a_value() -> None:
    with pytest.raises(InvalidFormat):
        opaque.decode(b"", Path((5, 0)), CORE)


@pytest.mark.parametrize(
    "records", [[], [Record(PACKAGE, "text")], [Record(PACKAGE, None)]]
)
def test_what_is_no_bytes_is_not_written(records: list[Record]) -> None:
    with pytest.raises(InvalidValue):
        opaque.encode(records, PACKAGE)
