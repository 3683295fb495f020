"""Keep what callers say of devices, and places for those that were deleted."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"

SCHEMA = "directory"
_LIFECYCLE_STATUS = "CASE WHEN operator_suspended THEN 'blocked' ELSE 'enabled' END"


def upgrade() -> None:
    """Extend devices; those that are there stay, and lists are read by them only."""
    columns: list[sa.Column[Any]] = [
        _text("initial_state", "unenrolled"),
        _flag("recorded", unset="true"),
        sa.Column(
            "deleted_revision", sa.BigInteger, nullable=False, server_default="0"
        ),
        _text("name"),
        _text("description"),
        sa.Column("custom_attributes", JSONB, nullable=False, server_default="{}"),
        _text("host_gateway"),
        _text("mechanism", "connector"),
        _text("mechanism_url"),
        _text("serial_number"),
        _text("vendor_id"),
        _text("device_class"),
        _text("firmware_checksum"),
        _text("manifest"),
        _text("deployment"),
        _flag("auto_update"),
        _flag("operator_suspended"),
        sa.Column(
            "lifecycle_status",
            sa.Text,
            sa.Computed(_LIFECYCLE_STATUS),
        ),
        _text("last_operator_suspended_category"),
        _text("last_operator_suspended_description"),
        sa.Column("last_operator_suspended_updated_at", sa.DateTime(timezone=True)),
    ]
    for column in columns:
        op.add_column("devices", column, schema=SCHEMA)
    for index in ("age", "endpoint_name", "state"):
        op.drop_index(f"devices_by_{index}", "devices", schema=SCHEMA)
    op.drop_index("devices_credentialed", "devices", schema=SCHEMA)
    _index("devices_by_age", "created_at", "id", where="recorded")
    _index("devices_by_endpoint_name", "endpoint_name", where="recorded")
    _index("devices_by_state", "state", where="recorded")
    _index(
        "devices_credentialed",
        "id",
        where="bootstrapped_revision > 0 OR credentials_not_before > 0"
        " OR operator_suspended",
    )
    _index("devices_suspended", "id", where="operator_suspended")


def _text(name: str, unset: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default=unset)


def _flag(name: str, *, unset: str = "false") -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.text(unset))


def _index(name: str, *columns: str, where: str) -> None:
    op.create_index(
        name,
        "devices",
        ["account_id", *columns],
        schema=SCHEMA,
        postgresql_where=sa.text(where),
    )
