"""Keep what devices may present, and what the trust view does not know yet."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

SCHEMA = "directory"


def upgrade() -> None:
    """Make the tables of credentials, and let devices say what they have."""
    _extend_devices()
    op.create_table(
        "authorities",
        _text("name", primary_key=True),
        _text("certificate"),
        sa.Column("private_key", sa.LargeBinary),
        sa.Column("brought", sa.Boolean, nullable=False),
        _time("created_at"),
        _time("updated_at"),
        schema=SCHEMA,
    )
    _make_trusted_certificates()
    op.create_table(
        "developer_certificates",
        _text("account_id", primary_key=True),
        _text("id", primary_key=True),
        sa.Column("private_key", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "id"],
            [
                "directory.trusted_certificates.account_id",
                "directory.trusted_certificates.id",
            ],
            ondelete="CASCADE",
        ),
        schema=SCHEMA,
    )
    op.create_table(
        "device_shared_keys",
        _text("endpoint_name", primary_key=True),
        _text("account_id"),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        _text("service"),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        _time("created_at"),
        schema=SCHEMA,
    )
    _index("device_shared_keys_by_age", "device_shared_keys", "created_at", "id")
    op.create_table(
        "trust_changes",
        sa.Column("number", sa.BigInteger, sa.Identity(), primary_key=True),
        _text("kind"),
        _text("account_id"),
        _text("id"),
        _text("place"),
        schema=SCHEMA,
    )


def _extend_devices() -> None:
    columns: list[sa.Column[Any]] = [
        sa.Column("bootstrap_expiration_date", sa.Date),
        sa.Column("connector_expiration_date", sa.Date),
        sa.Column(
            "device_execution_mode", sa.Integer, nullable=False, server_default="0"
        ),
        _text("device_key", server_default=""),
        _text("ca_id", server_default=""),
        sa.Column("issuer_fingerprint", sa.Text),
        _text("developer", server_default=""),
        sa.Column(
            "credentials_not_before",
            sa.BigInteger,
            nullable=False,
            server_default="0",
        ),
    ]
    for column in columns:
        op.add_column("devices", column, schema=SCHEMA)
    op.create_index(
        "devices_credentialed",
        "devices",
        ["account_id", "id"],
        schema=SCHEMA,
        postgresql_where=sa.text(
            "bootstrapped_revision > 0 OR credentials_not_before > 0"
        ),
    )


def _make_trusted_certificates() -> None:
    op.create_table(
        "trusted_certificates",
        _text("account_id", primary_key=True),
        _text("id", primary_key=True),
        _text("name"),
        _text("description"),
        _text("service"),
        _text("status"),
        sa.Column("enrollment_mode", sa.Boolean, nullable=False),
        sa.Column("device_execution_mode", sa.Integer, nullable=False),
        sa.Column("proven", sa.Boolean, nullable=False),
        sa.Column("owner_id", sa.Text),
        _text("certificate"),
        _text("certificate_fingerprint"),
        _text("subject"),
        _text("issuer"),
        _time("validity"),
        _text("subject_digest"),
        _time("created_at"),
        _time("updated_at"),
        sa.UniqueConstraint("account_id", "name", name="trusted_certificates_name"),
        sa.UniqueConstraint(
            "account_id", "subject_digest", name="trusted_certificates_subject"
        ),
        schema=SCHEMA,
    )
    _index("trusted_certificates_by_age", "trusted_certificates", "created_at", "id")


def _text(
    name: str, *, primary_key: bool = False, server_default: str | None = None
) -> sa.Column[str]:
    return sa.Column(
        name,
        sa.Text,
        nullable=False,
        primary_key=primary_key,
        server_default=server_default,
    )


def _time(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _index(name: str, table: str, *columns: str) -> None:
    op.create_index(name, table, ["account_id", *columns], schema=SCHEMA)
