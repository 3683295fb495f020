"""Keep channels that are no callbacks, and which ones have just been deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


LOCK = """
    CREATE FUNCTION notifier.channel_lock(key text) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    RETURN hashtextextended('homeport channel ' || key, 0)
"""
"""The number of the lock that whoever serves a channel holds."""


def upgrade() -> None:
    """Tell the kinds of channels apart, and remember when they were last used."""
    op.execute("UPDATE notifier.channels SET kind = upper(kind)")
    for name in ("signing_secret", "socket", "receipt"):
        op.add_column(
            "channels",
            sa.Column(name, sa.Text, nullable=False, server_default=""),
            schema="notifier",
        )
    op.add_column(
        "channels",
        sa.Column(
            "used_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.now(),
        ),
        schema="notifier",
    )
    op.execute(LOCK)
    op.create_index("channels_by_kind", "channels", ["kind"], schema="notifier")
    op.create_table(
        "removals",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=False),
        schema="notifier",
    )
