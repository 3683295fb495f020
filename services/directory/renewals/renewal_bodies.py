"""Renewals and issuers: what callers say of them, and how they are shown (R-77, R-78).

What these routes refuse names its ``field``, not its name (R-10).
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, Field
from sqlalchemy import Boolean, Row, Text

from homeport.protocol.certificate_renewals import LWM2M
from services.directory import fields, times
from services.directory.fields import BARE, EITHER, FLAG, ID, TEXT, TIME, Kind
from services.directory.renewals.outcomes import EnrollResult
from services.directory.renewals.renewal_schema import (
    COMPLETED,
    NEW,
    certificate_enrollments,
    certificate_issuer_configurations,
)
from services.directory.storable import storable

_enrollments = certificate_enrollments.c
_configurations = certificate_issuer_configurations.c

ISSUER_ID: Final = "0" * 31 + "1"
"""The issuer that Homeport has built in; an account has no other."""

_SPAN = frozenset({"gte", "lte"})
_OPTIONAL = Kind(Text(), storable, {"type": ["string", "null"]})
_STATUS = Kind(Text(), storable, {"enum": [NEW, COMPLETED]})
_RESULT = Kind(Text(), storable, {"enum": [*map(str, EnrollResult), None]})
_CUSTOM = Kind(Boolean(), FLAG.parse, FLAG.schema, lambda reference: reference != LWM2M)


def _asked(
    kind: Kind, column: Any, operators: frozenset[str], *, unset: object = None
) -> fields.Field:
    return fields.Field(kind, column, unset, operators, operators)


CERTIFICATE_ENROLLMENT: Mapping[str, fields.Field] = {
    "object": fields.Field(TEXT, unset="certificate-enrollment"),
    "id": fields.Field(ID, _enrollments.id),
    "device_id": _asked(ID, _enrollments.device_id, BARE),
    "certificate_name": _asked(TEXT, _enrollments.certificate_name, BARE),
    "enroll_status": _asked(_STATUS, _enrollments.enroll_status, EITHER),
    "enroll_result": _asked(_RESULT, _enrollments.enroll_result, EITHER),
    "enroll_result_detail": fields.Field(_OPTIONAL, _enrollments.enroll_result_detail),
    "created_at": _asked(TIME, _enrollments.created_at, _SPAN),
    "updated_at": _asked(TIME, _enrollments.updated_at, _SPAN),
    "etag": fields.Field(TIME, _enrollments.updated_at),
}
"""The result is null until the device has answered, the detail unless that failed."""

ISSUER_CONFIGURATION: Mapping[str, fields.Field] = {
    "object": fields.Field(TEXT, unset="certificate-issuer-configuration"),
    "id": fields.Field(ID, _configurations.id),
    "reference": _asked(TEXT, _configurations.reference, BARE),
    "certificate_issuer_id": fields.Field(
        _OPTIONAL, _configurations.certificate_issuer_id
    ),
    "is_custom": fields.Field(_CUSTOM, _configurations.reference),
    "created_at": fields.Field(TIME, _configurations.created_at),
    "updated_at": fields.Field(TIME, _configurations.updated_at),
    "etag": fields.Field(TIME, _configurations.updated_at),
}

ISSUER_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "object": {"const": "certificate-issuer"},
        "id": {"type": "string"},
        "name": {"type": "string"},
        "description": {"type": "string"},
        "issuer_type": {"const": "HOMEPORT"},
        "issuer_attributes": {"type": "object"},
        "certificate": {"type": "string"},
        "created_at": {"type": "string", "format": "date-time"},
        "etag": {"type": "string"},
    },
}
ISSUERS_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "object": {"const": "list"},
        "data": {"type": "array", "items": ISSUER_SCHEMA},
        "limit": {"type": "integer"},
        "order": {"enum": ["ASC", "DESC"]},
        "after": {"type": ["string", "null"]},
        "has_more": {"type": "boolean"},
        "total_count": {"type": "integer"},
    },
}

_ISSUER = Field(
    default=None,
    max_length=32,
    description="The id of an issuer, or null for Homeport's own.",
)


class IssuerChoice(BaseModel):
    """Which issuer signs; what else is said is ignored (R-7)."""

    certificate_issuer_id: str | None = _ISSUER


class IssuerConfigurationBody(IssuerChoice):
    """Which issuer signs the certificates of a name."""

    reference: str = Field(
        min_length=1, max_length=50, description="The name: 'customer.dlms'."
    )


def build_issuer(row: Row[Any]) -> dict[str, object]:
    """Show the built-in issuer, as it is among the installation's certificates."""
    return {
        "object": "certificate-issuer",
        "id": ISSUER_ID,
        "name": "Homeport",
        "description": "The issuer of this installation.",
        "issuer_type": "HOMEPORT",
        "issuer_attributes": {},
        "certificate": row.certificate,
        "created_at": times.build(row.created_at),
        "etag": times.build(row.updated_at),
    }


def build_issuers(row: Row[Any]) -> dict[str, object]:
    """Show the list of issuers, which has one page."""
    return {
        "object": "list",
        "data": [build_issuer(row)],
        "limit": 1,
        "order": "ASC",
        "after": None,
        "has_more": False,
        "total_count": 1,
    }
