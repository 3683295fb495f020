"""Remember since when the trust view has to be told of a change."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

SCHEMA = "directory"


def upgrade() -> None:
    """Add the time; of what waits already it is now."""
    op.add_column(
        "trust_changes",
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.now(),
        ),
        schema=SCHEMA,
    )
