"""The entries of the trust view, made of rows and of what changed."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from homeport.identity import Service
from homeport.keyring import Keyring
from homeport.names import EndpointName
from homeport.protocol.configurations import Selector
from homeport.store.entries import (
    BootstrapConfiguration,
    Claim,
    DefinedObject,
    DeviceEntry,
    Entry,
    Pin,
    RegisteredKey,
    TrustedCertificate,
)
from homeport.store.memberships import Membership
from homeport.store.trust_contents import ApiKey
from services.directory.trust import entries
from services.directory.trust.changes import Change, Kind
from tests.support.directory import ACCOUNT, device_of, new_ca, pem_of

KEYRING = Keyring([bytes(32)])
CA, ROOT = new_ca(), new_ca("root")
NAME = EndpointName("urn:dev:os:kettle-1")

CERTIFICATE = {
    "id": "1" * 32,
    "account_id": ACCOUNT,
    "service": "lwm2m",
    "status": "ACTIVE",
    "enrollment_mode": True,
    "device_execution_mode": 0,
    "proven": True,
    "certificate": pem_of(ROOT.certificate.der) + pem_of(CA.certificate.der),
    "certificate_fingerprint": CA.certificate.fingerprint,
    "subject_digest": CA.certificate.subject_digest,
}


def of_certificate(**changed: object) -> list[Entry]:
    row: Any = SimpleNamespace(**CERTIFICATE | changed)
    return list(entries.of_certificate(row, KEYRING))


def of_shared_key(secret: bytes) -> Iterable[Entry]:
    row: Any = SimpleNamespace(
        id="2" * 32,
        account_id=ACCOUNT,
        endpoint_name=NAME,
        service="bootstrap",
        secret=secret,
    )
    return list(entries.of_shared_key(row, KEYRING))


def test_the_last_of_a_chain_is_what_is_trusted() -> None:
    assert of_certificate() == [
        TrustedCertificate(
            id="1" * 32,
            account=ACCOUNT,
            subject=CA.certificate.subject_digest,
            certificate=CA.certificate.der,
            service=Service.LWM2M,
            enrollment_mode=True,
            proven=True,
            active=True,
        )
    ]


def test_an_inactive_ca_is_told_of() -> None:
    (entry,) = of_certificate(status="INACTIVE")
    assert isinstance(entry, TrustedCertificate)
    assert not entry.active


def test_a_developer_certificate_is_a_pin_while_it_is_active() -> None:
    fingerprint = CA.certificate.fingerprint
    assert of_certificate(device_execution_mode=1) == [
        Pin("1" * 32, ACCOUNT, fingerprint)
    ]
    assert of_certificate(device_execution_mode=1, status="INACTIVE") == []


def test_a_shared_key_is_opened() -> None:
    place = f"directory:device-shared-key:{NAME}"
    assert of_shared_key(KEYRING.seal(b"key", place=place)) == [
        RegisteredKey("2" * 32, Service.BOOTSTRAP, NAME.encode(), ACCOUNT, NAME, b"key")
    ]


def test_a_key_that_was_sealed_for_another_name_opens_nothing() -> None:
    place = "directory:device-shared-key:urn:dev:os:kettle-2"
    assert of_shared_key(KEYRING.seal(b"key", place=place)) == []


@pytest.mark.parametrize(
    ("kind", "identity", "place", "found"),
    [
        (Kind.CERTIFICATE, "1", "f", ("ca:1", "f")),
        (Kind.PIN, "1", "f", ("pin:f", "")),
        (Kind.DEVICE, device_of(), "", (f"device:{device_of()}", "")),
        (
            Kind.SHARED_KEY,
            NAME,
            "bootstrap",
            (
                RegisteredKey(
                    "", Service.BOOTSTRAP, NAME.encode(), ACCOUNT, NAME, b""
                ).name,
                "",
            ),
        ),
    ],
)
def test_what_changed_says_where_its_entry_was(
    kind: Kind, identity: str, place: str, found: tuple[str, str]
) -> None:
    entry = entries.of_change(Change(kind, ACCOUNT, identity, place))
    assert entry is not None
    assert entries.place_of(entry) == found


@pytest.mark.parametrize(
    "entry",
    [
        RegisteredKey("2", Service.LWM2M, NAME.encode(), ACCOUNT, NAME, b"sealed"),
        *of_certificate(),
        Pin("1", ACCOUNT, "f" * 64),
        Claim("1", ACCOUNT, "f" * 64),
        DeviceEntry(device_of(), ACCOUNT),
        BootstrapConfiguration(ACCOUNT, Selector("1"), b""),
        DefinedObject(ACCOUNT, "3303/1.1", b""),
    ],
)
def test_what_is_there_is_found_like_what_has_changed(entry: Entry) -> None:
    found = entries.of_change(entries.change_of(entry))
    assert found is not None
    assert entries.place_of(found) == entries.place_of(entry)


def test_api_keys_and_members_of_groups_are_found_like_what_has_changed() -> None:
    assert entries.change_of(ApiKey("f", "1", ACCOUNT)) == Change(
        Kind.API_KEY, ACCOUNT, "1", "f"
    )
    assert entries.change_of(Membership(ACCOUNT, "kettles", device_of())) == Change(
        Kind.MEMBERSHIP, ACCOUNT, device_of(), "kettles"
    )


@pytest.mark.parametrize("kind", [Kind.AUTHORITY, Kind.STANDING])
def test_what_is_no_entry_like_others_is_none_to_remove(kind: Kind) -> None:
    assert entries.of_change(Change(kind)) is None


def test_a_device_says_what_ends_its_credentials() -> None:
    row: Any = SimpleNamespace(
        id=device_of(),
        account_id=ACCOUNT,
        credentials_not_before=7,
        developer="f",
        operator_suspended=True,
    )
    assert list(entries.of_device(row, KEYRING)) == [
        DeviceEntry(device_of(), ACCOUNT, not_before=7, developer="f", suspended=True)
    ]


@pytest.mark.parametrize(("claimed_at", "expires"), [(None, 1_700_000_000_000), (1, 0)])
def test_a_claim_expires_as_long_as_it_is_not_used(
    claimed_at: object, expires: int
) -> None:
    row: Any = SimpleNamespace(
        id="1" * 32,
        account_id=ACCOUNT,
        fingerprint="f" * 64,
        claimed_at=claimed_at,
        expires_at=datetime.fromtimestamp(1_700_000_000, UTC),
    )
    (entry,) = entries.of_claim(row, KEYRING)
    assert entry == Claim("1" * 32, ACCOUNT, "f" * 64, expires=expires)
    change = Change(Kind.CLAIM, ACCOUNT, "1" * 32, "f" * 64)
    assert entries.of_change(change) == replace(entry, expires=0)
