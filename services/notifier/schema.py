"""The tables of the notifier in PostgreSQL, all in the schema ``notifier``."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    LargeBinary,
    MetaData,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
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
    Column("sealed_secret", LargeBinary),
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
"""A ``signing_secret`` that is not '' is of an earlier version, and not sealed yet."""

removals = Table(
    "removals",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("removed_at", DateTime(timezone=True), nullable=False),
)
"""The long poll channels that callers have just deleted (R-112)."""

endpoints = Table(
    "endpoints",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("device_id", Text, primary_key=True),
    Column("endpoint_name", Text, nullable=False),
    Column("endpoint_type", Text, nullable=False),
    Column("queue_mode", Boolean, nullable=False),
    Column("registered", Boolean, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("applied", BigInteger, nullable=False),
)
"""The devices that have been heard of.

``revision`` is that of the fact that a row is of, ``applied`` that of the newest
presubscription that its device has been asked to observe for.
"""

open_requests = Table(
    "open_requests",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("async_id", Text, nullable=False),
    Column("account_id", Text, nullable=False),
    Column("device_id", Text, nullable=False),
    Column("endpoint_name", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column(
        "created_at", DateTime(timezone=True), nullable=False, server_default=func.now()
    ),
    UniqueConstraint("key_id", "async_id"),
)
"""Device requests whose end the application has not been told."""

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("device_id", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("request_id", Text, nullable=False, index=True),
)
"""Single resources; each ends with the registration that had this ``revision``."""

presubscriptions = Table(
    "presubscriptions",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False, index=True),
    Column("rules", JSONB, nullable=False),
    Column("revision", BigInteger, revisions, nullable=False),
)
"""The rules of a key, as its caller gave them; one that has none has had some."""

cursors = Table(
    "cursors",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("looked", BigInteger, nullable=False),
    Column("waiting", BigInteger, nullable=False),
    Column("dropped", BigInteger, nullable=False),
    Column(
        "used_at", DateTime(timezone=True), nullable=False, server_default=func.now()
    ),
)
"""Up to which place in the stream channels and named consumers have taken everything.

``owner`` is the key of a channel or the id of a consumer. At the last look ``waiting``
events stood between the ``place`` and ``looked``, which is a place, too.
"""

consumers = Table(
    "consumers",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("selection", JSONB, nullable=False),
    Column("reader", Text, nullable=False),
    Column(
        "created_at", DateTime(timezone=True), nullable=False, server_default=func.now()
    ),
)
"""Named consumers; ``reader`` is the newest that reads, '' for none."""

nats_users = Table(
    "nats_users",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("access", Text, nullable=False),
    Column("facts", JSONB, nullable=False),
    Column("password_digest", Text, nullable=False),
    Column("inbox", Text, nullable=False),
    Column(
        "created_at", DateTime(timezone=True), nullable=False, server_default=func.now()
    ),
)
"""Who may read from NATS itself; ``inbox`` is what nobody else can guess."""
