"""Keep groups of devices, and saved queries."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"

SCHEMA = "directory"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "device_groups",
        _text("account_id", primary_key=True),
        _text("id", primary_key=True),
        _text("name"),
        _text("description"),
        sa.Column("custom_attributes", JSONB, nullable=False),
        sa.Column("devices_count", sa.Integer, nullable=False),
        _time("created_at"),
        _time("updated_at"),
        sa.UniqueConstraint("account_id", "name", name="device_groups_name"),
        schema=SCHEMA,
    )
    _index("device_groups_by_age", "device_groups", "created_at", "id")
    op.create_table(
        "device_group_members",
        _text("account_id", primary_key=True),
        _text("group_id", primary_key=True),
        _text("device_id", primary_key=True),
        sa.ForeignKeyConstraint(
            ["account_id", "group_id"],
            ["directory.device_groups.account_id", "directory.device_groups.id"],
            ondelete="CASCADE",
        ),
        schema=SCHEMA,
    )
    _index("device_group_members_by_device", "device_group_members", "device_id")
    op.create_table(
        "device_queries",
        _text("account_id", primary_key=True),
        _text("id", primary_key=True),
        _text("name"),
        _text("query"),
        _time("created_at"),
        _time("updated_at"),
        schema=SCHEMA,
    )
    _index("device_queries_by_age", "device_queries", "created_at", "id")


def _text(name: str, *, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, primary_key=primary_key)


def _time(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _index(name: str, table: str, *columns: str) -> None:
    op.create_index(name, table, ["account_id", *columns], schema=SCHEMA)
