"""The entries of the trust view, made of what the tables hold."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from homeport.errors import InvalidFormat
from homeport.identity import Service
from homeport.keyring import Keyring
from homeport.names import AccountId, DeviceId, EndpointName
from homeport.pki import pem
from homeport.store.entries import (
    Claim,
    DeviceEntry,
    Entry,
    Pin,
    RegisteredKey,
    TrustedCertificate,
)
from services.directory import observability, shared_keys
from services.directory.changes import Change, Kind
from services.directory.trusted import ACTIVE, DEVELOPER

Place = tuple[str, str]
"""Where an entry lies: its name, and for a CA the subject that it is found by."""


def of_certificate(row: Row[Any], _: Keyring) -> Iterable[Entry]:
    """Make the entry of a trusted certificate; a developer's is a pin while ACTIVE."""
    account = AccountId(row.account_id)
    active = row.status == ACTIVE
    if row.device_execution_mode == DEVELOPER:
        if active:
            yield Pin(row.id, account, row.certificate_fingerprint)
        return
    chain = pem.parse_certificates(row.certificate)
    yield TrustedCertificate(
        id=row.id,
        account=account,
        subject=row.subject_digest,
        certificate=chain[-1],
        service=Service(row.service),
        enrollment_mode=row.enrollment_mode,
        proven=row.proven,
        active=active,
    )


def of_shared_key(row: Row[Any], keyring: Keyring) -> Iterable[Entry]:
    """Make the entry of a shared key; one that cannot be opened opens nothing."""
    try:
        secret = shared_keys.open_secret(row, keyring)
    except InvalidFormat as error:
        observability.record_unopened(row.id, str(error))
        return
    yield _shared_key(
        row.service, row.endpoint_name, row.id, AccountId(row.account_id), secret
    )


def of_device(row: Row[Any], _: Keyring) -> Iterable[Entry]:
    """Make the entry of a device."""
    yield DeviceEntry(
        DeviceId(row.id),
        AccountId(row.account_id),
        not_before=row.credentials_not_before,
        developer=row.developer,
        suspended=row.operator_suspended,
    )


def of_claim(row: Row[Any], _: Keyring) -> Iterable[Entry]:
    """Make the entry of a claim; one that has been used never expires."""
    unused = row.claimed_at is None
    yield Claim(
        row.id,
        AccountId(row.account_id),
        row.fingerprint,
        expires=int(row.expires_at.timestamp() * 1000) if unused else 0,
    )


def of_change(change: Change) -> Entry | None:
    """Make as much of an entry that may be gone as it takes to remove it."""
    account = AccountId(change.account_id)
    match change.kind:
        case Kind.CERTIFICATE:
            return TrustedCertificate(
                id=change.id,
                account=account,
                subject=change.place,
                certificate=b"",
                service=Service.BOOTSTRAP,
                enrollment_mode=False,
                proven=False,
                active=False,
            )
        case Kind.PIN:
            return Pin(change.id, account, change.place)
        case Kind.SHARED_KEY:
            return _shared_key(change.place, change.id, "", account, b"")
        case Kind.CLAIM:
            return Claim(change.id, account, change.place)
        case Kind.DEVICE:
            return DeviceEntry(DeviceId(change.id), account)
        case Kind.AUTHORITY | Kind.STANDING | Kind.API_KEY:
            return None


def place_of(entry: Entry) -> Place:
    """Return where an entry lies."""
    subject = entry.subject if isinstance(entry, TrustedCertificate) else ""
    return entry.name, subject


def _shared_key(
    service: str, endpoint_name: str, identity: str, account: AccountId, secret: bytes
) -> RegisteredKey:
    return RegisteredKey(
        id=identity,
        service=Service(service),
        identity=endpoint_name.encode(),
        account=account,
        endpoint_name=EndpointName(endpoint_name),
        key=secret,
    )
