"""The entries of the trust view, made of what the tables hold."""

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import Row

from homeport.errors import InvalidFormat
from homeport.identity import Service
from homeport.keyring import Keyring
from homeport.names import AccountId, DeviceId, EndpointName
from homeport.pki import pem
from homeport.protocol.configurations import Selector
from homeport.store import configurations
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
from homeport.store.trust_contents import ApiKey, Content
from services.directory import observability
from services.directory.bootstrap import bootstrap_configurations, object_definitions
from services.directory.credentials import shared_keys
from services.directory.credentials.trusted import ACTIVE, DEVELOPER
from services.directory.trust.changes import Change, Kind

Place = tuple[str, str]
"""Where an entry lies: its name, and what it is found by there, if by anything."""


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


def of_configuration(row: Row[Any], keyring: Keyring) -> Iterable[Entry]:
    """Make the entry of a bootstrap configuration, unless it cannot be opened."""
    try:
        made = bootstrap_configurations.open_content(row, keyring)
    except InvalidFormat as error:
        observability.record_unopened(row.id, str(error))
        return
    yield BootstrapConfiguration(
        AccountId(row.account_id),
        bootstrap_configurations.selector(row),
        configurations.build(made),
    )


def of_definition(row: Row[Any], _: Keyring) -> Iterable[Entry]:
    """Make the entry of an object definition."""
    place = object_definitions.place_of(row.object_id, row.version)
    yield DefinedObject(AccountId(row.account_id), place, orjson.dumps(row.definition))


def of_change(  # noqa: PLR0911 # one for each kind
    change: Change,
) -> Entry | None:
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
        case Kind.BOOTSTRAP_CONFIGURATION:
            return BootstrapConfiguration(account, Selector(change.id), b"")
        case Kind.OBJECT_DEFINITION:
            return DefinedObject(account, change.place, b"")
        case (
            Kind.AUTHORITY | Kind.STANDING | Kind.API_KEY | Kind.MEMBERSHIP | Kind.GROUP
        ):
            return None


def change_of(  # noqa: PLR0911 # one for each kind
    content: Content,
) -> Change:
    """Say what would have changed, had something that the view has."""
    account = content.account
    match content:
        case RegisteredKey(endpoint_name=name, service=service):
            return Change(Kind.SHARED_KEY, account, name, service)
        case TrustedCertificate(subject=subject):
            return Change(Kind.CERTIFICATE, account, content.id, subject)
        case Pin(fingerprint=fingerprint):
            return Change(Kind.PIN, account, content.id, fingerprint)
        case Claim(fingerprint=fingerprint):
            return Change(Kind.CLAIM, account, content.id, fingerprint)
        case DeviceEntry():
            return Change(Kind.DEVICE, account, content.id)
        case BootstrapConfiguration(selector=selector):
            return Change(Kind.BOOTSTRAP_CONFIGURATION, account, selector.id)
        case DefinedObject(place=place):
            return Change(Kind.OBJECT_DEFINITION, account, place=place)
        case Membership(group=group, device=device):
            return Change(Kind.MEMBERSHIP, account, device, group)
        case ApiKey(digest=digest):
            return Change(Kind.API_KEY, account, content.id, digest)


def place_of(entry: Entry) -> Place:
    """Return where an entry lies."""
    match entry:
        case TrustedCertificate(subject=within) | DefinedObject(place=within):
            return entry.name, within
        case _:
            return entry.name, ""


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
