"""Keep what applications want to be notified of."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables of subscriptions and presubscriptions."""
    op.create_table(
        "subscriptions",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("device_id", sa.Text, primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        schema="notifier",
    )
    op.create_index(
        "subscriptions_by_device",
        "subscriptions",
        ["account_id", "device_id"],
        schema="notifier",
    )
    op.create_index(
        "subscriptions_by_request", "subscriptions", ["request_id"], schema="notifier"
    )
    op.create_table(
        "presubscriptions",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Text, nullable=False, index=True),
        sa.Column("rules", JSONB, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        schema="notifier",
    )
