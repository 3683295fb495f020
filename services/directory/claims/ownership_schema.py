"""The tables of ownership claims, beside those of `services.directory.schema`."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from services.directory.schema import device_events, metadata

device_enrollments = Table(
    "device_enrollments",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("enrollment_identity", Text, nullable=False),
    Column("fingerprint", Text, nullable=False, unique=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("claimed_at", DateTime(timezone=True)),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("enrolled_device_id", Text),
    Index("device_enrollments_by_age", "account_id", "created_at", "id"),
    Index(
        "device_enrollments_unused",
        "expires_at",
        postgresql_where=text("claimed_at IS NULL"),
    ),
)
"""A fingerprint is one account's at most (B-136)."""

enrollment_tasks = Table(
    "enrollment_tasks",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("deletes", Boolean, nullable=False),
    Column("status", Text, nullable=False),
    Column("total_count", Integer, nullable=False),
    Column("processed_count", Integer, nullable=False),
    Column("errors_count", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("completed_at", DateTime(timezone=True)),
    Index(
        "enrollment_tasks_open",
        "created_at",
        postgresql_where=text("completed_at IS NULL"),
    ),
)

enrollment_task_rows = Table(
    "enrollment_task_rows",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("task_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("identity", Text, nullable=False),
    Column("entity_id", Text),
    Column("done_at", DateTime(timezone=True)),
    Column("error", Text),
    ForeignKeyConstraint(
        ["account_id", "task_id"],
        [enrollment_tasks.c.account_id, enrollment_tasks.c.id],
        ondelete="CASCADE",
    ),
)
"""The lines of a task; ``error`` is the type of what went wrong, if anything did."""

unclaimed_devices = Table(
    "unclaimed_devices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("endpoint_name", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("first_seen_at", DateTime(timezone=True), nullable=False),
    Column("last_seen_at", DateTime(timezone=True), nullable=False),
    Index("unclaimed_devices_by_age", "first_seen_at", "id"),
    Index("unclaimed_devices_by_last", "last_seen_at"),
)
"""Devices that came with a certificate and were refused, since no account is theirs."""

DENIED = device_events.c.data["trusted_certificate_id"].astext
"""The inactive CA that a device was refused for; there in such events only."""

Index(
    "device_events_denied",
    device_events.c.account_id,
    DENIED,
    device_events.c.date_time,
    device_events.c.revision,
    device_events.c.id,
    postgresql_where=DENIED.is_not(None),
)
