"""Accounts: what the platform's operator says of them, and how they are shown."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy import Integer

from services.directory import fields
from services.directory.claims.ownership_schema import unclaimed_devices
from services.directory.fields import (
    FLAG,
    ID,
    LARGEST_NUMBER,
    TEXT,
    TIME,
    Kind,
    derived,
    text,
    time,
)
from services.directory.schema import accounts
from services.directory.storable import storable

_LIMIT = Kind(Integer(), fields.NUMBER.parse, {"type": ["integer", "null"]})
_columns, _unclaimed = accounts.c, unclaimed_devices.c

ACCOUNT: Mapping[str, fields.Field] = {
    "object": fields.Field(TEXT, unset="account"),
    "id": text(_columns.id, kind=ID),
    "name": text(_columns.name),
    "direct_registration": fields.Field(FLAG, _columns.direct_registration),
    "api_key_limit": fields.Field(_LIMIT, _columns.api_key_limit),
    "developer_certificate_limit": fields.Field(
        _LIMIT, _columns.developer_certificate_limit
    ),
    "device_limit": fields.Field(_LIMIT, _columns.device_limit),
    "created_at": time(_columns.created_at),
    "updated_at": time(_columns.updated_at),
    "etag": fields.Field(TIME, _columns.updated_at),
}
"""A limit of null is none."""


def _identity(fingerprint: str) -> str:
    """Write a fingerprint as it is claimed (R-47)."""
    digits = fingerprint.upper()
    pairs = (digits[at : at + 2] for at in range(0, len(digits), 2))
    return "A-" + ":".join(pairs)


UNCLAIMED_DEVICE: Mapping[str, fields.Field] = {
    "object": fields.Field(TEXT, unset="unclaimed-device"),
    "id": text(_unclaimed.id, kind=ID),
    "enrollment_identity": derived(_unclaimed.fingerprint, _identity),
    "endpoint_name": text(_unclaimed.endpoint_name),
    "reason": fields.Field(TEXT, _unclaimed.reason),
    "first_seen_at": time(_unclaimed.first_seen_at),
    "last_seen_at": time(_unclaimed.last_seen_at),
}

Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(storable)]
Limit = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]


class AccountBody(BaseModel):
    """An account to be made; what is not known is ignored (R-7)."""

    name: Name
    direct_registration: bool = Field(
        default=False,
        description="Whether devices may register with credentials from their factory.",
    )
    api_key_limit: Limit | None = Field(
        default=None, description="How many API keys it may have; null for no limit."
    )
    developer_certificate_limit: Limit | None = Field(
        default=None, description="How many developer certificates it may have."
    )
    device_limit: Limit | None = Field(
        default=None,
        description="How many devices it may have before it can record no more.",
    )


class AccountChanges(BaseModel):
    """What is to be different of an account; what is not given stays."""

    name: Name | None = None
    direct_registration: bool | None = None
    api_key_limit: Limit | None = Field(
        default=None, description="null takes the limit away; so do the others."
    )
    developer_certificate_limit: Limit | None = None
    device_limit: Limit | None = None

    def given(self) -> dict[str, Any]:
        """Return what is said, as columns; only a limit can be taken away."""
        said = self.model_dump(exclude_unset=True)
        return {
            name: value
            for name, value in said.items()
            if value is not None or name.endswith("_limit")
        }
