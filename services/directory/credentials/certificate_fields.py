"""The members of trusted certificates as callers read them (R-66, R-67)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, Column, ColumnElement, Integer

from services.directory.fields import (
    BARE,
    EITHER,
    FLAG,
    ID,
    NUMBER,
    TEXT,
    TIME,
    Field,
    Kind,
)
from services.directory.schema import trusted_certificates as trusted

LONGEST_EXPIRY_DAYS = 100_000
"""A day further off than the certificate of a machine can name."""


def _is_valid(validity: datetime) -> bool:
    return validity > datetime.now(UTC)


def _valid(wanted: object) -> ColumnElement[bool]:
    """Ask for certificates that have not expired, or for those that have."""
    now = datetime.now(UTC)
    column = trusted.c.validity
    return column > now if wanted else column <= now


def _expires(days: int) -> ColumnElement[bool]:
    """Ask for certificates that expire within so many days."""
    horizon = timedelta(days=min(days, LONGEST_EXPIRY_DAYS))
    return trusted.c.validity <= datetime.now(UTC) + horizon


def _asked(
    kind: Kind, column: Column[Any], operators: frozenset[str], *, shown: bool = True
) -> Field:
    return Field(
        kind, column, operators=operators, within_filter=operators, shown=shown
    )


_VALID = Kind(Boolean(), FLAG.parse, FLAG.schema, _is_valid)
_DAYS = Kind(Integer(), NUMBER.parse, NUMBER.schema)
_LIKE = frozenset({"like"})

TRUSTED_CERTIFICATE: Mapping[str, Field] = {
    "object": Field(TEXT, unset="trusted-cert"),
    "id": Field(ID, trusted.c.id),
    "account_id": Field(ID, trusted.c.account_id),
    "name": _asked(TEXT, trusted.c.name, BARE),
    "description": Field(TEXT, trusted.c.description),
    "service": _asked(TEXT, trusted.c.service, BARE),
    "status": _asked(TEXT, trusted.c.status, BARE),
    "enrollment_mode": _asked(FLAG, trusted.c.enrollment_mode, BARE),
    "device_execution_mode": _asked(NUMBER, trusted.c.device_execution_mode, EITHER),
    "owner": _asked(ID, trusted.c.owner_id, BARE, shown=False),
    "owner_id": Field(ID, trusted.c.owner_id),
    "certificate": Field(TEXT, trusted.c.certificate),
    "certificate_fingerprint": Field(TEXT, trusted.c.certificate_fingerprint),
    "subject": _asked(TEXT, trusted.c.subject, _LIKE),
    "issuer": _asked(TEXT, trusted.c.issuer, _LIKE),
    "validity": Field(TIME, trusted.c.validity),
    "valid": Field(_VALID, trusted.c.validity, None, BARE, BARE, _valid),
    "expire": Field(_DAYS, None, None, BARE, BARE, _expires, shown=False),
    "created_at": Field(TIME, trusted.c.created_at),
    "updated_at": Field(TIME, trusted.c.updated_at),
    "etag": Field(TIME, trusted.c.updated_at),
}
