"""Keep object definitions, and what accounts want written at bootstrap."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"

SCHEMA = "directory"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "object_definitions",
        _text("account_id", primary_key=True),
        _text("id", primary_key=True),
        sa.Column("object_id", sa.Integer, nullable=False),
        _text("version"),
        _text("name"),
        sa.Column("multiple", sa.Boolean, nullable=False),
        sa.Column("definition", JSONB, nullable=False),
        _time("created_at"),
        _time("updated_at"),
        sa.UniqueConstraint(
            *("account_id", "object_id", "version"), name="object_definitions_version"
        ),
        schema=SCHEMA,
    )
    _index("object_definitions_by_age", "object_definitions")
    op.create_table(
        "bootstrap_configurations",
        _text("account_id", primary_key=True),
        _text("id", primary_key=True),
        _text("name"),
        _text("description"),
        sa.Column("priority", sa.Integer, nullable=False),
        _text("endpoint_name_pattern"),
        sa.Column("device_profiles", JSONB, nullable=False),
        sa.Column("device_profile", JSONB, nullable=False),
        sa.Column("short_server_id", sa.Integer, nullable=False),
        *(
            sa.Column(name, JSONB, nullable=False)
            for name in ("server", "servers", "objects", "reads")
        ),
        sa.Column("bootstrap_pack", sa.Boolean, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        _time("created_at"),
        _time("updated_at"),
        sa.UniqueConstraint(
            *("account_id", "name"), name="bootstrap_configurations_name"
        ),
        schema=SCHEMA,
    )
    _index("bootstrap_configurations_by_age", "bootstrap_configurations")


def _text(name: str, *, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, primary_key=primary_key)


def _time(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _index(name: str, table: str) -> None:
    op.create_index(name, table, ["account_id", "created_at", "id"], schema=SCHEMA)
