"""Keep the channel of each API key."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table of channels."""
    op.execute("CREATE SEQUENCE notifier.revisions")
    op.create_table(
        "channels",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("headers", JSONB, nullable=False),
        sa.Column("serialization", JSONB, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.now(),
        ),
        sa.Column("failing_since", sa.DateTime(timezone=True)),
        schema="notifier",
    )
