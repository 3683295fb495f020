"""A device is asked to renew a certificate in bytes that it understands."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidFormat, InvalidName, NotAllowed
from homeport.protocol import certificate_renewals as renewals

NAMED = bytes.fromhex(
    "0001"  # the type of a name, which must be understood
    "0006"  # how long it is
    "4c574d324d00"  # 'LWM2M' and its end
)
OPTIONAL = bytes.fromhex("8007 0001 ff 8008 0000")
UNKNOWN = bytes.fromhex("0007 0001 ff")


def test_the_name_is_one_element() -> None:
    assert renewals.build("LWM2M") == NAMED
    assert renewals.parse(NAMED) == "LWM2M"


def test_an_optional_element_is_passed_over() -> None:
    assert renewals.parse(OPTIONAL + NAMED + OPTIONAL) == "LWM2M"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        OPTIONAL,
        UNKNOWN + NAMED,
        NAMED[:3],
        NAMED[:-1],
        bytes.fromhex("0001 0000"),
        bytes.fromhex("0001 0001 41"),
        bytes.fromhex("0001 0001 00"),
        bytes.fromhex("0001 0002 ff00"),
    ],
)
def test_what_names_no_certificate_is_not_understood(payload: bytes) -> None:
    with pytest.raises(InvalidFormat):
        renewals.parse(payload)


@given(st.binary())
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    with suppress(InvalidFormat):
        assert renewals.parse(payload)


@pytest.mark.parametrize("name", ["LWM2M", "customer.dlms", "a-b_c.d.e-f_g", "a.b"])
def test_a_name_has_two_parts_unless_it_is_that_of_lwm2m(name: str) -> None:
    assert renewals.parse_name(name) == name
    assert renewals.parse(renewals.build(name)) == name


@pytest.mark.parametrize(
    "name",
    ["", "lwm2m", "dlms", ".dlms", "customer.", "a.d/ms", "k" * 11 + ".a", "\u017f.a"],
)
def test_other_names_are_none(name: str) -> None:
    with pytest.raises(InvalidName, match="certificate name"):
        renewals.parse_name(name)


def test_the_bootstrap_certificate_cannot_be_renewed() -> None:
    with pytest.raises(NotAllowed, match="factory"):
        renewals.parse_name("mbed.BootstrapDeviceCert")


@pytest.mark.parametrize(("payload", "result"), [(b"0", 0), (b"1280", 0x0500)])
def test_a_result_is_a_number_in_text(payload: bytes, result: int) -> None:
    assert renewals.parse_result(payload) == result


@pytest.mark.parametrize("payload", [b"", b"-1", b"done", b"1" * 11, b"\xd9\xa0"])
def test_what_is_no_number_is_no_result(payload: bytes) -> None:
    with pytest.raises(InvalidFormat, match="no result"):
        renewals.parse_result(payload)


def test_a_result_that_is_known_says_what_it_means() -> None:
    assert renewals.meaning(0x0505) == "it is busy with another renewal (0x0505)"
    assert renewals.meaning(0x05FF) == "it failed (0x05ff)"
