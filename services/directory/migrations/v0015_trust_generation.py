"""Remember which generation of the trust view Redis has to have."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

SCHEMA = "directory"


def upgrade() -> None:
    """Make the table; without a row in it the view is written again, once."""
    op.create_table(
        "trust_generation",
        sa.Column("word", sa.Text, primary_key=True),
        schema=SCHEMA,
    )
