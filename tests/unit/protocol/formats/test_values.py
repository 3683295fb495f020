"""Each type is read as appendix C has it, and nothing else is taken for it."""

import pytest

from homeport.errors import InvalidValue
from homeport.protocol.formats import values
from homeport.protocol.formats.records import ObjectLink, Time, Value
from homeport.protocol.objects.definitions import Type

LOWEST, HIGHEST = -(1 << 63), (1 << 63) - 1


@pytest.mark.conforms("C-201", "1.0 text")
@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (b"-9223372036854775808", Type.INTEGER, LOWEST),
        (b"9223372036854775807", Type.INTEGER, HIGHEST),
        (b"007", Type.INTEGER, 7),
        (b"18446744073709551615", Type.UNSIGNED_INTEGER, (1 << 64) - 1),
        (b"-1", Type.TIME, Time(-1)),
        (b"-1.5e-3", Type.FLOAT, -0.0015),
        (b"1E6", Type.FLOAT, 1e6),
        (b".5", Type.FLOAT, 0.5),
        (b"5", Type.FLOAT, 5.0),
        (b"1", Type.BOOLEAN, True),
        (b"", Type.OPAQUE, b""),
        (b"AAE", Type.OPAQUE, b"\x00\x01"),
        (b"65535:65535", Type.OBJECT_LINK, ObjectLink(65_535, 65_535)),
        (b"</3/0>", Type.CORE_LINK, "</3/0>"),
        (b"\xff", None, b"\xff"),
    ],
)
def test_text_is_read(text: bytes, kind: Type | None, value: Value) -> None:
    read = values.from_text(text, kind)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"9223372036854775808", Type.INTEGER),
        (b"-9223372036854775809", Type.INTEGER),
        (b"9" * 100_000, Type.INTEGER),
        (b"-1", Type.UNSIGNED_INTEGER),
        (b"18446744073709551616", Type.UNSIGNED_INTEGER),
        (b"1.0", Type.INTEGER),
        (b"1_000", Type.INTEGER),
        (b" 1", Type.INTEGER),
        ("٣".encode(), Type.INTEGER),
        (b"", Type.INTEGER),
        (b"nan", Type.FLOAT),
        (b"inf", Type.FLOAT),
        (b"1e5e5", Type.FLOAT),
        (b"0x10", Type.FLOAT),
        (b"", Type.FLOAT),
        (b"true", Type.BOOLEAN),
        (b"A", Type.OPAQUE),
        (b"A*==", Type.OPAQUE),
        (b"66", Type.OBJECT_LINK),
        (b"66:65536", Type.OBJECT_LINK),
        (b"-1:0", Type.OBJECT_LINK),
        (b"\xff", Type.STRING),
    ],
)
def test_text_of_no_such_type_is_refused(text: bytes, kind: Type) -> None:
    with pytest.raises(InvalidValue):
        values.from_text(text, kind)


@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        ("ff", Type.INTEGER, -1),
        ("ff", Type.UNSIGNED_INTEGER, 255),
        ("0080", Type.UNSIGNED_INTEGER, 128),
        ("8000000000000000", Type.INTEGER, LOWEST),
        ("ffffffffffffffff", Type.UNSIGNED_INTEGER, (1 << 64) - 1),
        ("514b67b0", Type.TIME, Time(1_363_896_240)),
        ("3fc00000", Type.FLOAT, 1.5),
        ("3ff8000000000000", Type.FLOAT, 1.5),
        ("01", Type.BOOLEAN, True),
        ("00420000", Type.OBJECT_LINK, ObjectLink(66, 0)),
        ("6162", Type.STRING, "ab"),
        ("6162", Type.OPAQUE, b"ab"),
        ("6162", None, b"ab"),
    ],
)
def test_bytes_are_read(written: str, kind: Type | None, value: Value) -> None:
    read = values.from_bytes(bytes.fromhex(written), kind)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("", Type.INTEGER),
        ("000000", Type.INTEGER),
        ("00" * 9, Type.INTEGER),
        ("00" * 16, Type.UNSIGNED_INTEGER),
        ("0000", Type.FLOAT),
        ("", Type.BOOLEAN),
        ("02", Type.BOOLEAN),
        ("0001", Type.BOOLEAN),
        ("0042", Type.OBJECT_LINK),
        ("ff", Type.STRING),
    ],
)
def test_bytes_of_no_such_type_are_refused(written: str, kind: Type) -> None:
    with pytest.raises(InvalidValue):
        values.from_bytes(bytes.fromhex(written), kind)


@pytest.mark.parametrize(
    ("value", "kind", "fitting"),
    [
        (5, Type.FLOAT, 5.0),
        (5.0, Type.INTEGER, 5),
        (5, Type.TIME, Time(5)),
        (float(1 << 53), Type.UNSIGNED_INTEGER, 1 << 53),
        ("66:0", Type.OBJECT_LINK, ObjectLink(66, 0)),
        ("x", Type.CORE_LINK, "x"),
        (True, None, True),
    ],
)
def test_values_are_fitted_where_nothing_is_lost(
    value: Value, kind: Type | None, fitting: Value
) -> None:
    fitted = values.fit(value, kind)
    assert fitted == fitting
    assert type(fitted) is type(fitting)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, Type.INTEGER),
        (True, Type.FLOAT),
        (1, Type.BOOLEAN),
        (5.5, Type.INTEGER),
        (float(1 << 54), Type.INTEGER),
        (HIGHEST + 1, Type.INTEGER),
        (HIGHEST + 1, Type.TIME),
        (-1, Type.UNSIGNED_INTEGER),
        ("5", Type.INTEGER),
        (5, Type.STRING),
        (b"x", Type.STRING),
        ("x", Type.OPAQUE),
        (Time(5), Type.INTEGER),
        (1 << 64, None),
        (10**400, Type.FLOAT),
        (float("inf"), None),
        (Time(HIGHEST + 1), None),
        (ObjectLink(-1, 0), None),
        (ObjectLink(0, 65_536), None),
        ("\udfff", None),
    ],
)
def test_values_of_another_type_are_refused(value: Value, kind: Type | None) -> None:
    with pytest.raises(InvalidValue):
        values.fit(value, kind)
