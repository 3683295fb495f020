"""Server accounts, as bootstrap writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.dtls.client import DeviceKey
from homeport.dtls.context import CertifiedKey
from homeport.errors import InvalidFormat
from homeport.protocol.formats.records import Value
from homeport.simulator import accounts
from homeport.simulator.accounts import Account
from tests.support import certificates
from tests.support.dtls import house

PLAIN = "coap://127.0.0.1:5683"
SECURED = "coaps://127.0.0.1:5684?aid=01"


def written(url: str, mode: int, **resources: bytes) -> dict[int, Value]:
    numbers = {"identity": 3, "server": 4, "key": 5}
    given: dict[int, Value] = {0: url, 2: mode}
    return given | {numbers[name]: value for name, value in resources.items()}


def test_a_plain_server_needs_nothing() -> None:
    assert accounts.of(written(PLAIN, 3)) == Account(PLAIN)


def test_a_key_opens_a_secured_server() -> None:
    account = accounts.of(written(SECURED, 0, identity=b"me", key=b"k" * 16))
    assert account == Account(SECURED, DeviceKey(b"me", b"k" * 16))
    assert account.subject.common_name == ""


def test_a_certificate_opens_one_of_an_authority() -> None:
    (own,), key = house().device.chain, house().device.key
    anchor = house().authority.der
    payload = written(SECURED, 2, identity=own, server=anchor, key=key)
    account = accounts.of(payload)
    assert account == Account(SECURED, CertifiedKey((own,), key), anchor)
    assert account.subject.common_name == "device"


def test_a_secret_is_not_shown() -> None:
    shown = repr(accounts.of(written(SECURED, 0, identity=b"me", key=b"k" * 16)))
    assert "kkkk" not in shown


@pytest.mark.parametrize(
    "resources",
    [
        {},
        {0: b"coap://127.0.0.1:5683", 2: 3},
        {0: PLAIN, 2: b"\x03"},
        written(SECURED, 3),
        written(PLAIN, 0, identity=b"me", key=b"k" * 16),
        written(SECURED, 0, identity=b"me"),
        written(SECURED, 0, key=b"k" * 16),
        written(SECURED, 1, identity=b"me", key=b"k" * 16),
        written(SECURED, 4),
        written(SECURED, 2, identity=b"none", key=house().device.key),
        written(SECURED, 2, identity=house().device.chain[0], key=b"none"),
        written(SECURED, 2, identity=house().device.chain[0], key=house().server.key),
        written("http://127.0.0.1:80", 3),
        written("coap://127.0.0.1", 3),
        written("coap://127.0.0.1:port", 3),
    ],
)
def test_what_a_device_could_not_use_is_refused(resources: dict[int, Value]) -> None:
    with pytest.raises(InvalidFormat):
        accounts.of(resources)


@given(
    st.dictionaries(
        st.integers(0, 10), st.binary(max_size=64) | st.text() | st.integers()
    )
)
def test_anything_may_be_written(resources: dict[int, Value]) -> None:
    try:
        accounts.of(resources)
    except InvalidFormat:
        return


def test_a_certificate_without_its_key_is_no_credential() -> None:
    other = certificates.self_signed("other")
    with pytest.raises(InvalidFormat, match="another private key"):
        accounts.certified(house().device.chain, other.key)
