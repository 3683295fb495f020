"""Let accounts have names, settings and limits; keep who came and is nobody's."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

SCHEMA = "directory"


def upgrade() -> None:
    """Extend accounts, and make the table of unclaimed devices."""
    for column in (
        sa.Column("name", sa.Text, nullable=False, server_default=""),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.now(),
        ),
        sa.Column(
            "direct_registration",
            sa.Boolean,
            nullable=False,
            server_default=sa.true(),
        ),
        sa.Column("api_key_limit", sa.Integer),
        sa.Column("developer_certificate_limit", sa.Integer),
        sa.Column("device_limit", sa.Integer),
    ):
        op.add_column("accounts", column, schema=SCHEMA)
    op.create_index("accounts_by_age", "accounts", ["created_at", "id"], schema=SCHEMA)
    op.create_index(
        "accounts_by_name",
        "accounts",
        ["name"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("name <> ''"),
    )
    op.create_table(
        "unclaimed_devices",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("endpoint_name", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )
    op.create_index(
        "unclaimed_devices_by_age",
        "unclaimed_devices",
        ["first_seen_at", "id"],
        schema=SCHEMA,
    )
    op.create_index(
        "unclaimed_devices_by_last",
        "unclaimed_devices",
        ["last_seen_at"],
        schema=SCHEMA,
    )
