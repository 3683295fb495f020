"""Find devices by all that callers may ask for."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

SCHEMA = "directory"
_SAID = "{0} <> ''"
_SET = "{0} IS NOT NULL"
_ORDER = ("created_at", "id")


def upgrade() -> None:
    """Make the indexes, and leave room for rows that change beside them."""
    op.execute("ALTER TABLE directory.devices SET (fillfactor = 80)")
    for name in ("by_state", "credentialed"):
        op.drop_index(f"devices_{name}", "devices", schema=SCHEMA)
    for name in ("name", "endpoint_type", "vendor_id", "device_class", "ca_id"):
        _index(f"by_{name}", name, *_ORDER, where=_SAID.format(name))
    for name in ("device_key", "serial_number"):
        _index(f"by_{name}", name, where=_SAID.format(name))
    for name in (
        *("bootstrapped_timestamp", "enrolment_list_timestamp"),
        *("bootstrap_expiration_date", "connector_expiration_date"),
        "last_operator_suspended_updated_at",
    ):
        _index(f"by_{name}", name, where=_SET.format(name))
    for name in (
        *("description", "host_gateway", "mechanism_url"),
        *("firmware_checksum", "manifest", "deployment"),
    ):
        _hash(name)
    _index_kinds()
    op.create_index(
        "devices_unfinished",
        "devices",
        ["id"],
        schema=SCHEMA,
        postgresql_where=sa.text(
            "recorded AND state = 'cloud_enrolling' AND endpoint_name = id"
        ),
    )
    op.create_index(
        "devices_by_custom_attributes",
        "devices",
        ["custom_attributes"],
        schema=SCHEMA,
        postgresql_using="gin",
        postgresql_ops={"custom_attributes": "jsonb_path_ops"},
        postgresql_where=sa.text("recorded"),
    )


def _index_kinds() -> None:
    _index("by_state", "state", *_ORDER)
    _index("by_execution_mode", "device_execution_mode", *_ORDER)
    _index(
        "by_issuer_fingerprint",
        *("issuer_fingerprint", *_ORDER),
        where=_SET.format("issuer_fingerprint"),
    )
    _index(
        "by_category",
        *("last_operator_suspended_category", *_ORDER),
        where=_SAID.format("last_operator_suspended_category"),
    )
    _index("blocked", *_ORDER, where="operator_suspended")
    _index("updating", *_ORDER, where="auto_update")
    _index("direct", *_ORDER, where="mechanism <> 'connector'")


def _index(name: str, *columns: str, where: str = "true") -> None:
    op.create_index(
        f"devices_{name}",
        "devices",
        ["account_id", *columns],
        schema=SCHEMA,
        postgresql_where=sa.text(f"recorded AND {where}"),
    )


def _hash(name: str) -> None:
    op.create_index(
        f"devices_by_{name}",
        "devices",
        [name],
        schema=SCHEMA,
        postgresql_using="hash",
        postgresql_where=sa.text(f"recorded AND {_SAID.format(name)}"),
    )
