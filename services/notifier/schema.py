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
CHANGES = "homeport_notifier_channels"
"""The name under which changes of the channels are announced (NOTIFY)."""

metadata = MetaData(schema=SCHEMA)

revisions = Sequence("revisions", metadata=metadata, schema=SCHEMA)

channels = Table(
    "channels",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("serialization", JSONB, nullable=False),
    Column("revision", BigInteger, revisions, nullable=False),
    Column(
        "created_at", DateTime(timezone=True), nullable=False, server_default=func.now()
    ),
    Column("failing_since", DateTime(timezone=True)),
)
