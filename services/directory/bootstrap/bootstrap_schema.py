"""The tables of what bootstrap writes, beside those of `services.directory.schema`."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.directory.schema import metadata

object_definitions = Table(
    "object_definitions",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("object_id", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("multiple", Boolean, nullable=False),
    Column("definition", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint(
        "account_id", "object_id", "version", name="object_definitions_version"
    ),
    Index("object_definitions_by_age", "account_id", "created_at", "id"),
)
"""Versions of an object stand side by side; of one version there is one definition."""

bootstrap_configurations = Table(
    "bootstrap_configurations",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("endpoint_name_pattern", Text, nullable=False),
    Column("device_profiles", JSONB, nullable=False),
    Column("device_profile", JSONB, nullable=False),
    Column("short_server_id", Integer, nullable=False),
    Column("server", JSONB, nullable=False),
    Column("servers", JSONB, nullable=False),
    Column("objects", JSONB, nullable=False),
    Column("reads", JSONB, nullable=False),
    Column("bootstrap_pack", Boolean, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("account_id", "name", name="bootstrap_configurations_name"),
    Index("bootstrap_configurations_by_age", "account_id", "created_at", "id"),
)
"""What callers see, and ``content``: all of it typed, with its secrets, and sealed."""
