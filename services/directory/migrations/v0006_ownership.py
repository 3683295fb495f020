"""Keep ownership claims, and tasks that upload or delete many of them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

SCHEMA = "directory"


def upgrade() -> None:
    """Make the tables, and let devices say what they came with and were claimed."""
    op.add_column("devices", _text("fingerprint", server_default=""), schema=SCHEMA)
    op.add_column("devices", _time("enrolment_list_timestamp"), schema=SCHEMA)
    _index(
        "devices_by_fingerprint", "devices", "fingerprint", where="fingerprint <> ''"
    )
    op.execute(
        "CREATE INDEX device_events_denied ON directory.device_events"
        " (account_id, (data ->> 'trusted_certificate_id'), revision, id)"
        " WHERE (data ->> 'trusted_certificate_id') IS NOT NULL"
    )
    op.create_table(
        "device_enrollments",
        _text("account_id", primary_key=True),
        _text("id", primary_key=True),
        _text("enrollment_identity"),
        sa.Column("fingerprint", sa.Text, nullable=False, unique=True),
        _time("created_at", nullable=False),
        _time("updated_at", nullable=False),
        _time("claimed_at"),
        _time("expires_at", nullable=False),
        sa.Column("enrolled_device_id", sa.Text),
        schema=SCHEMA,
    )
    _index(
        "device_enrollments_by_age",
        "device_enrollments",
        *("account_id", "created_at", "id"),
    )
    _index(
        "device_enrollments_unused",
        "device_enrollments",
        "expires_at",
        where="claimed_at IS NULL",
    )
    _make_tasks()


def _make_tasks() -> None:
    op.create_table(
        "enrollment_tasks",
        _text("account_id", primary_key=True),
        _text("id", primary_key=True),
        sa.Column("deletes", sa.Boolean, nullable=False),
        _text("status"),
        *(
            sa.Column(name, sa.Integer, nullable=False)
            for name in ("total_count", "processed_count", "errors_count")
        ),
        _time("created_at", nullable=False),
        _time("updated_at", nullable=False),
        _time("completed_at"),
        schema=SCHEMA,
    )
    _index(
        "enrollment_tasks_open",
        "enrollment_tasks",
        "created_at",
        where="completed_at IS NULL",
    )
    op.create_table(
        "enrollment_task_rows",
        _text("account_id", primary_key=True),
        _text("task_id", primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        _text("identity"),
        sa.Column("entity_id", sa.Text),
        _time("done_at"),
        sa.Column("error", sa.Text),
        sa.ForeignKeyConstraint(
            ["account_id", "task_id"],
            ["directory.enrollment_tasks.account_id", "directory.enrollment_tasks.id"],
            ondelete="CASCADE",
        ),
        schema=SCHEMA,
    )


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


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _index(name: str, table: str, *columns: str, where: str | None = None) -> None:
    op.create_index(
        name,
        table,
        list(columns),
        schema=SCHEMA,
        postgresql_where=sa.text(where) if where else None,
    )
