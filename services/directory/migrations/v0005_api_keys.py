"""Keep of API keys what callers are shown of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"

SCHEMA = "directory"


def upgrade() -> None:
    """Extend API keys; of those that are there nothing more is known."""
    for column in (
        _text("key"),
        _text("owner"),
        sa.Column("groups", JSONB, nullable=False, server_default="[]"),
        sa.Column("last_login_time", sa.BigInteger, nullable=False, server_default="0"),
    ):
        op.add_column("api_keys", column, schema=SCHEMA)
    op.create_index(
        "api_keys_by_age", "api_keys", ["account_id", "created_at", "id"], schema=SCHEMA
    )


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")
