"""Keep the users of NATS: applications that read from it themselves."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "nats_users",
        sa.Column("account_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("access", sa.Text, nullable=False),
        sa.Column("facts", JSONB, nullable=False),
        sa.Column("password_digest", sa.Text, nullable=False),
        sa.Column("inbox", sa.Text, nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.now(),
        ),
        schema="notifier",
    )
