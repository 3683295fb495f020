"""Ownership claims: what callers say of them, and how they are shown (R-47 .. R-58)."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, StringConstraints
from sqlalchemy import Row

from services.directory import fields
from services.directory.claims.claims import IDENTITY
from services.directory.claims.ownership_schema import (
    DENIED,
    device_enrollments,
    enrollment_tasks,
)
from services.directory.fields import BARE, ID, NUMBER, TEXT, TIME, Field
from services.directory.schema import device_events

_claims, _tasks = device_enrollments.c, enrollment_tasks.c

ENROLLMENT: Mapping[str, Field] = {
    "object": Field(TEXT, unset="enrollment"),
    "id": Field(ID, _claims.id),
    "account_id": Field(ID, _claims.account_id),
    "enrollment_identity": Field(TEXT, _claims.enrollment_identity),
    "created_at": Field(TIME, _claims.created_at),
    "claimed_at": Field(TIME, _claims.claimed_at),
    "expires_at": Field(TIME, _claims.expires_at),
    "enrolled_device_id": Field(ID, _claims.enrolled_device_id),
    "etag": Field(TIME, _claims.updated_at),
}

TASK: Mapping[str, Field] = {
    "object": Field(TEXT, unset="enrollment-identity-bulk-uploads"),
    "id": Field(ID, _tasks.id),
    "account_id": Field(ID, _tasks.account_id),
    "status": Field(TEXT, _tasks.status),
    "total_count": Field(NUMBER, _tasks.total_count),
    "processed_count": Field(NUMBER, _tasks.processed_count),
    "errors_count": Field(NUMBER, _tasks.errors_count),
    "full_report_file": Field(TEXT),
    "errors_report_file": Field(TEXT),
    "created_at": Field(TIME, _tasks.created_at),
    "completed_at": Field(TIME, _tasks.completed_at),
    "completet_at": Field(TIME, _tasks.completed_at),
    "etag": Field(TIME, _tasks.updated_at),
}
"""``completet_at`` is how the published schema spells the time (R-53)."""

DENIED_ENDPOINT = device_events.c.data["endpoint_name"].astext.label("endpoint_name")
DENIED_CERTIFICATE = DENIED.label("trusted_certificate_id")

DENIAL: Mapping[str, Field] = {
    "object": Field(TEXT, unset="denied_device"),
    "id": Field(ID, device_events.c.id),
    "account_id": Field(ID, device_events.c.account_id),
    "endpoint_name": Field(TEXT, DENIED_ENDPOINT, "", BARE, BARE),
    "trusted_certificate_id": Field(ID, DENIED_CERTIFICATE, "", BARE, BARE),
    "created_at": Field(TIME, device_events.c.date_time),
}


class EnrollmentBody(BaseModel):
    """A device to be claimed."""

    enrollment_identity: Annotated[
        str, StringConstraints(pattern=f"^{IDENTITY.pattern}$")
    ]
    """'A-' and the SHA-256 of its bootstrap certificate, separated by colons."""


def build_task(row: Row[Any], path: str) -> dict[str, object]:
    """Build a task; ``path`` is where it is found, and its reports below."""
    body = fields.build(TASK, row)
    if row.completed_at is not None:
        body["full_report_file"] = f"{path}/full-report.csv"
        body["errors_report_file"] = f"{path}/errors-report.csv"
    return body
