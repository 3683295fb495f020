"""What PostgreSQL is asked about things that have changed, or about all there are."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, select, tuple_

from homeport.keyring import Keyring
from homeport.store.entries import Entry
from services.directory.bootstrap.bootstrap_schema import (
    bootstrap_configurations,
    object_definitions,
)
from services.directory.bootstrap.object_definitions import among
from services.directory.claims.ownership_schema import device_enrollments
from services.directory.credentials.direct import may_be_used
from services.directory.schema import (
    CREDENTIALED,
    device_shared_keys,
    devices,
    trusted_certificates,
)
from services.directory.trust import entries
from services.directory.trust.changes import Change, Kind

Build = Callable[[Row[Any], Keyring], Iterable[Entry]]


def about(changes: Sequence[Change]) -> Iterable[tuple[Select[Any], Build]]:
    """Ask for all rows that changes are about, with what makes entries of them."""
    ids = {
        kind: [change.id for change in changes if change.kind is kind] for kind in Kind
    }
    certified = ids[Kind.CERTIFICATE] + ids[Kind.PIN]
    table = trusted_certificates
    certificates = select(table).where(table.c.id.in_(certified), may_be_used(table))
    yield certificates, entries.of_certificate
    table = device_shared_keys
    named = table.c.endpoint_name.in_(ids[Kind.SHARED_KEY])
    yield select(table).where(named, may_be_used(table)), entries.of_shared_key
    table = device_enrollments
    places = [change.place for change in changes if change.kind is Kind.CLAIM]
    yield select(table).where(table.c.fingerprint.in_(places)), entries.of_claim
    table = bootstrap_configurations
    configured = table.c.id.in_(ids[Kind.BOOTSTRAP_CONFIGURATION])
    yield select(table).where(configured), entries.of_configuration
    defined = [
        (change.account_id, change.place)
        for change in changes
        if change.kind is Kind.OBJECT_DEFINITION
    ]
    yield among(defined), entries.of_definition
    owned = [
        (change.account_id, change.id)
        for change in changes
        if change.kind is Kind.DEVICE
    ]
    key = tuple_(devices.c.account_id, devices.c.id)
    yield select(devices).where(key.in_(owned), CREDENTIALED), entries.of_device


def everything() -> Iterable[tuple[Select[Any], Sequence[ColumnElement[Any]], Build]]:
    """Ask for all rows that make entries; with what they are ordered by, too."""
    table = trusted_certificates
    by_id = table.c.account_id, table.c.id
    yield select(table).where(may_be_used(table)), by_id, entries.of_certificate
    table = device_shared_keys
    by_name = (table.c.endpoint_name,)
    yield select(table).where(may_be_used(table)), by_name, entries.of_shared_key
    table = devices
    by_id = table.c.account_id, table.c.id
    yield select(table).where(CREDENTIALED), by_id, entries.of_device
    table = device_enrollments
    yield select(table), (table.c.fingerprint,), entries.of_claim
    for table, build in (
        (bootstrap_configurations, entries.of_configuration),
        (object_definitions, entries.of_definition),
    ):
        yield select(table), (table.c.account_id, table.c.id), build
