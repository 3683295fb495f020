"""Entries of the trust view survive being written, and say by what they are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidFormat
from homeport.identity import Service
from homeport.keyring import Keyring
from homeport.names import AccountId, DeviceId, EndpointName
from homeport.store import entries
from homeport.store.entries import (
    Claim,
    DeviceEntry,
    Pin,
    RegisteredKey,
    TrustedCertificate,
)

ACCOUNT = AccountId("a" * 32)
KEYRING = Keyring([bytes(32)])
KEY = RegisteredKey(
    "1" * 32, Service.LWM2M, b"who", ACCOUNT, EndpointName("urn:dev:1"), b"\x00secret"
)
CERTIFICATE = TrustedCertificate(
    id="2" * 32,
    account=ACCOUNT,
    subject="c" * 64,
    certificate=b"\x30\x00",
    service=Service.BOOTSTRAP,
    enrollment_mode=False,
    proven=True,
    active=True,
)


@given(st.binary(min_size=1, max_size=128), st.binary(min_size=1, max_size=64))
def test_a_key_is_what_it_was(identity: bytes, key: bytes) -> None:
    entry = RegisteredKey(
        "1", Service.BOOTSTRAP, identity, ACCOUNT, EndpointName("x"), key
    )
    assert entries.parse_key(entries.build_key(entry, KEYRING), KEYRING) == entry


def test_a_key_is_nowhere_in_its_text() -> None:
    assert b"secret" not in entries.build_key(KEY, KEYRING)
    assert "secret" not in repr(KEY)


def test_a_key_that_was_sealed_with_another_secret_cannot_be_opened() -> None:
    text = entries.build_key(KEY, Keyring([b"x" * 32]))
    with pytest.raises(InvalidFormat):
        entries.parse_key(text, KEYRING)


def test_a_key_that_was_moved_to_another_identity_cannot_be_opened() -> None:
    text = entries.build_key(KEY, KEYRING).replace(b"d2hv", b"d2hl")
    with pytest.raises(InvalidFormat):
        entries.parse_key(text, KEYRING)


def test_a_trusted_certificate_is_what_it_was() -> None:
    assert entries.parse_certificate(entries.build(CERTIFICATE)) == CERTIFICATE


def test_a_name_leads_back_to_a_trusted_certificate() -> None:
    assert entries.certificate_id(CERTIFICATE.name) == CERTIFICATE.id
    assert entries.certificate_id(KEY.name) == ""


def test_a_pin_and_a_device_are_what_they_were() -> None:
    pin = Pin("3" * 32, ACCOUNT, "f" * 64)
    device = DeviceEntry(DeviceId("d" * 32), ACCOUNT, 17, "f" * 64, suspended=True)
    assert entries.parse_pin(entries.build(pin)) == pin
    assert entries.parse_device(entries.build(device)) == device


def test_names_say_what_they_name() -> None:
    assert KEY.name == f"psk:lwm2m:{entries.digest(b'who')}"
    assert CERTIFICATE.name == "ca:" + "2" * 32
    assert Pin("3" * 32, ACCOUNT, "f" * 64).name == "pin:" + "f" * 64
    assert DeviceEntry(DeviceId("d" * 32), ACCOUNT).name == "device:" + "d" * 32


def test_a_claim_is_what_it_was_and_known_by_its_certificate() -> None:
    entry = Claim("4" * 32, ACCOUNT, "f" * 64, expires=7)
    assert entries.parse_claim(entries.build(entry)) == entry
    assert entry.name == "claim:" + "f" * 64
