"""The tables of certificate renewals, beside those of `services.directory.schema`."""

from sqlalchemy import Column, DateTime, Index, Table, Text, UniqueConstraint

from services.directory.schema import metadata

NEW, COMPLETED = "new", "completed"
"""Where an enrollment stands."""

certificate_enrollments = Table(
    "certificate_enrollments",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("device_id", Text, nullable=False),
    Column("certificate_name", Text, nullable=False),
    Column("enroll_status", Text, nullable=False),
    Column("enroll_result", Text),
    Column("enroll_result_detail", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Index("certificate_enrollments_by_age", "account_id", "created_at", "id"),
    Index(
        "certificate_enrollments_by_device",
        *("account_id", "device_id", "created_at", "id"),
    ),
)
"""A device renews one certificate at a time."""

_columns = certificate_enrollments.c
OPEN = _columns.enroll_status == NEW
"""True of an enrollment whose end is waited for."""
ENDED = _columns.enroll_status == COMPLETED

Index("certificate_enrollments_open", _columns.id, postgresql_where=OPEN)
Index(
    "certificate_enrollments_running",
    _columns.account_id,
    _columns.device_id,
    unique=True,
    postgresql_where=OPEN,
)
Index("certificate_enrollments_ended", _columns.updated_at, postgresql_where=ENDED)

certificate_issuer_configurations = Table(
    "certificate_issuer_configurations",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("reference", Text, nullable=False),
    Column("certificate_issuer_id", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint(
        "account_id", "reference", name="certificate_issuer_configurations_name"
    ),
    Index("certificate_issuer_configurations_by_age", "account_id", "created_at", "id"),
)
"""Which issuer signs the certificates of a name; without an id it is Homeport's own."""
