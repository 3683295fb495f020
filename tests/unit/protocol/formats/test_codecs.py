"""The same records come back from every format, and nothing else gets through."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import (
    InvalidFormat,
    InvalidParameter,
    InvalidValue,
    UnsupportedFormat,
)
from homeport.protocol.formats import codecs, payloads
from homeport.protocol.formats.records import Record
from homeport.protocol.objects.core import CORE
from homeport.protocol.objects.definitions import Definitions
from homeport.protocol.paths import ROOT, Path
from tests.support import records as drawn
from tests.support.records import DEFINITIONS, UNKNOWN

STRUCTURED = (40, 99, 110, 112, 11542, 11543, 11544)
TIMED = (110, 112, 11543)
ROOTED = (40, 110, 112, 11543, 11544)
SINGLE = (0, 40, 60, 99, 110, 112, 11542, 11543, 11544)
ALL = (*SINGLE, 42)

BASES = st.sampled_from([ROOT, Path((3,)), Path((3, 0)), Path((3, 0, 6))])


def through(
    number: int,
    records: list[Record],
    base: Path,
    definitions: Definitions = DEFINITIONS,
) -> list[Record]:
    payload = codecs.encode(number, records, base=base)
    return list(codecs.decode(number, payload, base=base, definitions=definitions))


def in_order(records: list[Record]) -> list[Record]:
    return sorted(records, key=lambda each: each.path)


@pytest.mark.conforms("C-198", "C-199", "C-200")
@given(drawn.payloads())
def test_every_structured_format_gives_the_same_records(
    payload: tuple[Path, list[Record]],
) -> None:
    base, records = payload
    for number in STRUCTURED:
        assert in_order(through(number, records, base)) == in_order(records), number


@given(drawn.payloads())
def test_formats_with_whole_names_speak_of_the_root(
    payload: tuple[Path, list[Record]],
) -> None:
    _, records = payload
    for number in ROOTED:
        assert in_order(through(number, records, ROOT)) == in_order(records), number


@pytest.mark.conforms("C-199", "C-200", "C-201")
@given(drawn.single())
def test_every_format_gives_the_same_single_value(record: Record) -> None:
    for number in SINGLE:
        assert through(number, [record], record.path) == [record], number


@pytest.mark.conforms("C-199", "RFC 8428 §4.5.3")
@given(drawn.single().flatmap(drawn.times))
def test_every_format_with_times_keeps_them(record: Record) -> None:
    for number in TIMED:
        assert through(number, [record], record.path) == [record], number
    for number in set(ALL) - set(TIMED):
        with pytest.raises(InvalidValue):
            codecs.encode(number, [record], base=record.path)


@given(st.binary(), st.sampled_from(ALL), BASES, st.sampled_from([CORE, UNKNOWN]))
def test_bytes_are_records_or_an_invalid_format(
    payload: bytes, number: int, base: Path, definitions: Definitions
) -> None:
    check_decoding(number, payload, base, definitions)


@given(
    drawn.payloads(),
    st.sampled_from(STRUCTURED),
    st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3)), max_size=4),
    st.sampled_from([DEFINITIONS, UNKNOWN]),
)
def test_damaged_payloads_are_records_or_an_invalid_format(
    payload: tuple[Path, list[Record]],
    number: int,
    damages: list[tuple[int, bytes]],
    definitions: Definitions,
) -> None:
    base, records = payload
    damaged = bytearray(codecs.encode(number, records, base=base))
    for at, damage in damages:
        damaged[at : at + len(damage)] = damage
    check_decoding(number, bytes(damaged), base, definitions)


def check_decoding(
    number: int, payload: bytes, base: Path, definitions: Definitions
) -> None:
    records: tuple[Record, ...] = ()
    position = 0
    try:
        records = codecs.decode(number, payload, base=base, definitions=definitions)
    except InvalidFormat as error:
        position = error.position
    assert 0 <= position <= len(payload)
    assert all(each.path[: len(base)] == base for each in records)


@pytest.mark.parametrize("number", ALL)
def test_a_payload_beyond_the_limit_is_not_looked_at(number: int) -> None:
    with pytest.raises(InvalidFormat, match="more than"):
        codecs.decode(
            number, bytes(payloads.LARGEST + 1), base=Path((3, 0, 0)), definitions=CORE
        )


@pytest.mark.parametrize(
    ("number", "begin", "part", "end"),
    [
        (11542, b"", b"\xc0\x00", b""),
        (11542, b"", b"\x02\x00\xc0\x00", b""),
        (110, b"[", b"[],", b"[]]"),
        (110, b"[", b'{"n":"/3/0/0"},', b"{}]"),
        (110, b'[{"bn":"', b"/3", b'"}]'),
        (110, b"", b"[", b""),
        (112, b"\x9f", b"\xa0", b"\xff"),
        (112, b"\x9f", b"\x00", b"\xff"),
        (112, b"", b"\x9f", b""),
        (112, b"", b"\xc1", b""),
        (11543, b'{"e":[', b'{"n":"0"},', b"{}]}"),
        (11544, b"\xbf", b"\x82\x00\x00\x00", b"\xff"),
        (11544, b"\xbf", b"\x00\xbf", b""),
        (60, b"\x7f", b"\x60", b"\xff"),
        (60, b"\xc4\x82", b"\xc4\x82", b"\x00"),
    ],
)
def test_the_largest_payload_has_a_bounded_cost(
    number: int, begin: bytes, part: bytes, end: bytes
) -> None:
    room = payloads.LARGEST - len(begin) - len(end)
    payload = begin + part * (room // len(part)) + end
    started = time.process_time()
    check_decoding(number, payload, Path((3, 0, 0)), CORE)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("number", [112, 11542, 11544])
def test_more_records_than_a_payload_may_have_are_refused(number: int) -> None:
    base = Path((3, 0, 6))
    some = [Record(Path((*base, each)), each) for each in range(65_536)]
    assert len(through(number, some, base, CORE)) == payloads.MOST_RECORDS
    with pytest.raises(InvalidValue, match="more than"):
        codecs.encode(number, [*some, Record(base, None)], base=base)


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([Record(Path((4, 0, 0)), 1)], "not within"),
        ([Record(Path((3, 0)), 1)], "no resource"),
        ([Record(Path((3, 0, 9)), 1), Record(Path((3, 0, 9)), 2)], "twice"),
        ([Record(Path((3, 0, 9)), 1 << 64)], "64 bits"),
        ([Record(Path((3, 0, 9)), float("nan"))], "not finite"),
        ([Record(Path((3, 0, 9)), float("-inf"))], "not finite"),
        ([Record(Path((3, 0, 0)), "\ud800")], "half a character"),
        ([Record(Path((3, 0, 9)), 1, float("inf"))], "time"),
    ],
)
@pytest.mark.parametrize("number", STRUCTURED)
def test_what_no_payload_may_have_is_not_encoded(
    number: int, records: list[Record], reason: str
) -> None:
    codecs.encode(number, [Record(Path((3, 0, 9)), 1)], base=Path((3, 0)))
    with pytest.raises(InvalidValue, match=reason):
        codecs.encode(number, records, base=Path((3, 0)))


@pytest.mark.parametrize("number", [1, 41, 50, 1542, 65_000])
def test_other_formats_are_not_taken(number: int) -> None:
    with pytest.raises(UnsupportedFormat):
        codecs.decode(number, b"", base=ROOT, definitions=CORE)
    with pytest.raises(UnsupportedFormat):
        codecs.encode(number, [], base=ROOT)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("text/plain", 0),
        ("application/link-format", 40),
        ("application/octet-stream", 42),
        ("application/json", 50),
        ("application/cbor", 60),
        ("application/senml+json", 110),
        ("application/senml+cbor", 112),
        ("application/vnd.oma.lwm2m+tlv", 11542),
        ("application/vnd.oma.lwm2m+json", 11543),
        ("application/vnd.oma.lwm2m+cbor", 11544),
        ("application/nanoservice-tlv", 99),
    ],
)
def test_formats_have_a_number_and_a_name(name: str, number: int) -> None:
    assert codecs.content_format(name) == number
    assert codecs.media_type(number) == name


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("application/vnd.oma.lwm2m+text", 0),
        ("application/vnd.oma.lwm2m+opaq", 42),
        ("Text/Plain; charset=utf-8", 0),
    ],
)
def test_older_names_and_parameters_are_accepted(name: str, number: int) -> None:
    assert codecs.content_format(name) == number


def test_other_names_and_numbers_are_refused() -> None:
    with pytest.raises(InvalidParameter):
        codecs.content_format("text/html")
    with pytest.raises(UnsupportedFormat):
        codecs.media_type(1542)
