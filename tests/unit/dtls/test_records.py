"""Datagrams and streams are cut into records, and nothing else passes for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.dtls import records
from homeport.dtls.records import (
    LARGEST_FRAGMENT,
    MOST_RECORDS,
    AlertLevel,
    ContentType,
    Record,
)
from homeport.errors import InvalidHandshake
from tests.support import hellos

PLAIN = [kind for kind in ContentType if kind is not ContentType.CID]
CID = bytes.fromhex("c1c2c3c4c5c6c7c8")
APPLICATION = bytes.fromhex("17 fefd 0001 00000a00000b 0003 abcdef")

built = st.builds(
    records.build,
    st.sampled_from(PLAIN),
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**48 - 1),
    st.binary(min_size=1, max_size=50),
)


def cid_record(cid: bytes, fragment: bytes) -> bytes:
    begin = bytes.fromhex("19 fefd 0001 00000a00000b")
    return begin + cid + len(fragment).to_bytes(2, "big") + fragment


def changed(at: int, value: int) -> bytes:
    return APPLICATION[:at] + bytes([value]) + APPLICATION[at + 1 :]


def test_a_record_is_read_field_by_field() -> None:
    assert records.parse(APPLICATION, 8) == [
        Record(23, 1, 0x0A00000B, b"", b"\xab\xcd\xef", APPLICATION)
    ]


def test_a_record_with_a_connection_id_is_read_by_its_length() -> None:
    raw = cid_record(CID, b"sealed")
    assert records.parse(raw, len(CID)) == [
        Record(25, 1, 0x0A00000B, CID, b"sealed", raw)
    ]


@pytest.mark.parametrize("minor", [0xFF, 0xFD, 0x00])
def test_the_minor_version_of_a_first_hello_is_not_looked_at(minor: int) -> None:
    hello = hellos.IZUMA_UDP[:2] + bytes([minor]) + hellos.IZUMA_UDP[3:]
    (record,) = records.parse(hello, 8)
    assert record.raw == hello


@given(st.lists(built, max_size=5))
def test_a_datagram_is_cut_into_what_it_was_built_of(parts: list[bytes]) -> None:
    datagram = b"".join(parts)
    assert [record.raw for record in records.parse(datagram, 8)] == parts
    for record in records.parse(datagram, 8):
        again = records.build(
            record.kind, record.epoch, record.sequence, record.fragment
        )
        assert again == record.raw


@given(st.lists(built, max_size=MOST_RECORDS + 5))
def test_what_openssl_has_made_is_cut_into_all_its_records(parts: list[bytes]) -> None:
    assert records.cut(b"".join(parts)) == parts


@given(built, st.integers(0, 2**48 - 1))
def test_only_the_number_of_a_record_is_changed(raw: bytes, by: int) -> None:
    (before,) = records.parse(raw, 0)
    (after,) = records.parse(records.advanced(raw, by), 0)
    assert after.sequence == (before.sequence + by) % 2**48
    assert after.fragment == before.fragment
    assert (after.kind, after.epoch) == (before.kind, before.epoch)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        APPLICATION[:-1],
        changed(0, 19),
        changed(0, 24),
        changed(1, 0x03),
        changed(12, 4),
        changed(12, 0)[:13],
        changed(12, 0),
        records.build(23, 1, 1, bytes(LARGEST_FRAGMENT + 1)),
        cid_record(CID, b"sealed")[:-1],
        cid_record(CID, b"sealed")[:14],
    ],
)
def test_what_is_no_record_is_left_out(datagram: bytes) -> None:
    read = records.parse(APPLICATION + datagram, len(CID))
    assert [record.raw for record in read] == [APPLICATION]


def test_nothing_is_read_behind_what_is_no_record() -> None:
    read = records.parse(APPLICATION + changed(0, 24) + APPLICATION, len(CID))
    assert [record.raw for record in read] == [APPLICATION]


def test_a_datagram_is_read_up_to_a_number_of_records() -> None:
    assert len(records.parse(APPLICATION * (MOST_RECORDS + 1), 8)) == MOST_RECORDS


@given(st.binary(max_size=200) | st.binary().map(APPLICATION.__add__))
def test_any_datagram_is_cut_into_records_that_it_begins_with(datagram: bytes) -> None:
    read = b"".join(record.raw for record in records.parse(datagram, 8))
    assert datagram.startswith(read)


@given(st.integers(0, len(APPLICATION) * 2 - 1), st.integers(0, 255))
def test_a_byte_that_changed_on_the_way_does_no_harm(at: int, value: int) -> None:
    datagram = bytearray(APPLICATION * 2)
    datagram[at] = value
    read = b"".join(record.raw for record in records.parse(bytes(datagram), 8))
    assert datagram.startswith(read)


def test_an_alert_is_two_bytes() -> None:
    assert records.alert(AlertLevel.FATAL, 40) == b"\x02\x28"


def test_a_captured_stream_begins_with_one_record() -> None:
    (record,), rest = records.parse_stream(hellos.IZUMA_TCP)
    assert record.kind == ContentType.HANDSHAKE
    assert record.fragment == hellos.IZUMA_TCP[5:]
    assert not rest


@given(st.integers(0, 2 * len(hellos.IZUMA_TCP)))
def test_a_stream_is_cut_the_same_wherever_it_was_interrupted(at: int) -> None:
    stream = hellos.IZUMA_TCP * 2
    first, rest = records.parse_stream(stream[:at])
    second, rest = records.parse_stream(rest + stream[at:])
    assert [record.raw for record in first + second] == [hellos.IZUMA_TCP] * 2
    assert not rest


@pytest.mark.parametrize(
    "begin", ["47 45 54 20 2f", "16 feff 0001", "18 0303 0001", "17 0303 4801"]
)
def test_a_stream_that_is_not_tls_is_refused_at_once(begin: str) -> None:
    with pytest.raises(InvalidHandshake):
        records.parse_stream(bytes.fromhex(begin))


@given(st.binary(max_size=60) | st.binary().map(hellos.IZUMA_TCP.__add__))
def test_any_stream_is_cut_without_loss_or_refused(stream: bytes) -> None:
    try:
        read, rest = records.parse_stream(stream)
    except InvalidHandshake:
        return
    assert b"".join(record.raw for record in read) + rest == stream
