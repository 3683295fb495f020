"""The tables of the directory in PostgreSQL, all in the schema ``directory``.

Devices and their events name their account first in every key, so that an account never
meets another's. They do not refer to ``accounts``: a fact may come before its account.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    MetaData,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

SCHEMA = "directory"
MIGRATIONS = "services.directory:migrations"

metadata = MetaData(schema=SCHEMA)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column(
        "created_at", DateTime(timezone=True), nullable=False, server_default=func.now()
    ),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey(accounts.c.id), nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column(
        "created_at", DateTime(timezone=True), nullable=False, server_default=func.now()
    ),
    Column(
        "updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()
    ),
)

devices = Table(
    "devices",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("endpoint_name", Text, nullable=False),
    Column("endpoint_type", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("bootstrapped_timestamp", DateTime(timezone=True)),
    Column("bootstrapping_revision", BigInteger, nullable=False),
    Column("bootstrapped_revision", BigInteger, nullable=False),
    Column("registered_revision", BigInteger, nullable=False),
    Column("deregistered_revision", BigInteger, nullable=False),
    Index("devices_by_age", "account_id", "created_at", "id"),
    Index("devices_by_endpoint_name", "account_id", "endpoint_name"),
    Index("devices_by_state", "account_id", "state"),
)

device_events = Table(
    "device_events",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("device_id", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("date_time", DateTime(timezone=True), nullable=False),
    Column("event_type", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("state_change", Boolean, nullable=False),
    Column("changes", JSONB, nullable=False),
    Column("data", JSONB, nullable=False),
    Index("device_events_by_age", "account_id", "revision", "id"),
    Index("device_events_by_device", "account_id", "device_id", "revision", "id"),
)
