"""The tables of the notifier in PostgreSQL, all in the schema ``notifier``."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    MetaData,
    Sequence,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

SCHEMA = "notifier"
MIGRATIONS = "services.notifier:migrations"

metadata = MetaData(schema=SCHEMA)

revisions = Sequence("revisions", metadata=metadata, schema=SCHEMA)

channels = Table(
    "channels",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("kind", Text, nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("signing_secret", Text, nullable=False),
    Column("serialization", JSONB, nullable=False),
    Column("socket", Text, nullable=False),
    Column("receipt", Text, nullable=False),
    Column("revision", BigInteger, revisions, nullable=False),
    Column(
        "created_at", DateTime(timezone=True), nullable=False, server_default=func.now()
    ),
    Column(
        "used_at", DateTime(timezone=True), nullable=False, server_default=func.now()
    ),
    Column("failing_since", DateTime(timezone=True)),
)

removals = Table(
    "removals",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("removed_at", DateTime(timezone=True), nullable=False),
)
"""The long poll channels that callers have just deleted (R-112)."""
