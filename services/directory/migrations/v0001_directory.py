"""Keep accounts, their API keys, their devices and what happened to these."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

SCHEMA = "directory"


def upgrade() -> None:
    """Make the tables and the indexes that lists are read by."""
    op.create_table(
        "accounts", _text("id", primary_key=True), _now("created_at"), schema=SCHEMA
    )
    op.create_table(
        "api_keys",
        _text("id", primary_key=True),
        sa.Column(
            "account_id",
            sa.Text,
            sa.ForeignKey("directory.accounts.id"),
            nullable=False,
        ),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        _text("name"),
        _text("role"),
        _text("status"),
        _now("created_at"),
        _now("updated_at"),
        schema=SCHEMA,
    )
    op.create_table(
        "devices",
        _text("account_id", primary_key=True),
        _text("id", primary_key=True),
        _text("endpoint_name"),
        _text("endpoint_type"),
        _text("state"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bootstrapped_timestamp", sa.DateTime(timezone=True)),
        sa.Column("bootstrapping_revision", sa.BigInteger, nullable=False),
        sa.Column("bootstrapped_revision", sa.BigInteger, nullable=False),
        sa.Column("registered_revision", sa.BigInteger, nullable=False),
        sa.Column("deregistered_revision", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )
    _index("devices_by_age", "devices", "created_at", "id")
    _index("devices_by_endpoint_name", "devices", "endpoint_name")
    _index("devices_by_state", "devices", "state")
    op.create_table(
        "device_events",
        _text("account_id", primary_key=True),
        _text("id", primary_key=True),
        _text("device_id"),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("date_time", sa.DateTime(timezone=True), nullable=False),
        _text("event_type"),
        _text("description"),
        sa.Column("state_change", sa.Boolean, nullable=False),
        sa.Column("changes", JSONB, nullable=False),
        sa.Column("data", JSONB, nullable=False),
        schema=SCHEMA,
    )
    _index("device_events_by_age", "device_events", "revision", "id")
    _index("device_events_by_device", "device_events", "device_id", "revision", "id")


def _text(name: str, *, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, primary_key=primary_key)


def _now(name: str) -> sa.Column[object]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        nullable=False,
        server_default=sa.func.now(),
    )


def _index(name: str, table: str, *columns: str) -> None:
    op.create_index(name, table, ["account_id", *columns], schema=SCHEMA)
