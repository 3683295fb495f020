"""Ask devices to renew certificates, and say who signs them."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

SCHEMA = "directory"
ENROLLMENTS = "certificate_enrollments"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        ENROLLMENTS,
        sa.Column("account_id", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("device_id", sa.Text, nullable=False),
        sa.Column("certificate_name", sa.Text, nullable=False),
        sa.Column("enroll_status", sa.Text, nullable=False),
        sa.Column("enroll_result", sa.Text),
        sa.Column("enroll_result_detail", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )
    _index("by_age", ["account_id", "created_at", "id"])
    _index("by_device", ["account_id", "device_id", "created_at", "id"])
    _index("ended", ["updated_at"], where="enroll_status = 'completed'")
    _index("open", ["id"], where="enroll_status = 'new'")
    _index(
        "running", ["account_id", "device_id"], where="enroll_status = 'new'", one=True
    )
    op.create_table(
        "certificate_issuer_configurations",
        sa.Column("account_id", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("certificate_issuer_id", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint(
            "account_id", "reference", name="certificate_issuer_configurations_name"
        ),
        schema=SCHEMA,
    )
    op.create_index(
        "certificate_issuer_configurations_by_age",
        "certificate_issuer_configurations",
        ["account_id", "created_at", "id"],
        schema=SCHEMA,
    )


def _index(
    name: str, columns: list[str], *, where: str = "", one: bool = False
) -> None:
    op.create_index(
        f"{ENROLLMENTS}_{name}",
        ENROLLMENTS,
        columns,
        schema=SCHEMA,
        unique=one,
        postgresql_where=sa.text(where) if where else None,
    )
