"""Keep device events by time, so that old ones go at once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"

SCHEMA = "directory"
_ORDER = ("date_time", "revision", "id")
_DENIED = "(data ->> 'trusted_certificate_id')"


def upgrade() -> None:
    """Make the table anew; the events that are there are taken over.

    They come into the partition of all that has none of its own, and go one by one.
    """
    op.rename_table("device_events", "earlier_events", schema=SCHEMA)
    for index in ("by_age", "by_device", "denied"):
        op.drop_index(f"device_events_{index}", "earlier_events", schema=SCHEMA)
    op.execute(
        "ALTER TABLE directory.earlier_events"
        " RENAME CONSTRAINT device_events_pkey TO earlier_events_pkey"
    )
    op.create_table(
        "device_events",
        *(_text(name) for name in ("account_id", "id", "device_id")),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("date_time", sa.DateTime(timezone=True), nullable=False),
        _text("event_type"),
        _text("description"),
        sa.Column("state_change", sa.Boolean, nullable=False),
        sa.Column("changes", JSONB, nullable=False),
        sa.Column("data", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id", "date_time"),
        schema=SCHEMA,
        postgresql_partition_by="RANGE (date_time)",
    )
    _index("by_age", *_ORDER)
    _index("by_device", "device_id", *_ORDER)
    _index("by_type", "event_type", *_ORDER)
    op.execute(
        "CREATE INDEX device_events_denied ON directory.device_events"
        f" (account_id, {_DENIED}, {', '.join(_ORDER)}) WHERE {_DENIED} IS NOT NULL"
    )
    op.execute(
        "CREATE TABLE directory.device_events_others"
        " PARTITION OF directory.device_events DEFAULT"
    )
    op.execute(
        "INSERT INTO directory.device_events SELECT * FROM directory.earlier_events"
    )
    op.drop_table("earlier_events", schema=SCHEMA)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _index(name: str, *columns: str) -> None:
    op.create_index(
        f"device_events_{name}",
        "device_events",
        ["account_id", *columns],
        schema=SCHEMA,
    )
