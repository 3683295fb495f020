"""Keep the secrets that sign webhook calls sealed.

Migrations have no secret of the installation: those of before are sealed by whoever
starts next (`services.notifier.channels.signing_secrets`).
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column."""
    op.add_column(
        "channels", sa.Column("sealed_secret", sa.LargeBinary), schema="notifier"
    )
