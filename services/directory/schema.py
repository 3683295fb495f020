"""The tables of the directory in PostgreSQL, all in the schema ``directory``.

Devices and their events name their account first in every key, so that an account never
meets another's. They do not refer to ``accounts``: a fact may come before its account.
Secrets are sealed by the keyring for the row that they stand in.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    and_,
    false,
    func,
    literal_column,
    or_,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

SCHEMA = "directory"
MIGRATIONS = "services.directory:migrations"

metadata = MetaData(schema=SCHEMA)


def _said(name: str, unset: str = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=unset)


def _switch(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false())


accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column(
        "created_at", DateTime(timezone=True), nullable=False, server_default=func.now()
    ),
    Column("name", Text, nullable=False, server_default=""),
    Column(
        "updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()
    ),
    Column("direct_registration", Boolean, nullable=False, server_default=true()),
    Column("api_key_limit", Integer),
    Column("developer_certificate_limit", Integer),
    Column("device_limit", Integer),
    Index("accounts_by_age", "created_at", "id"),
)
"""A limit that is not set is none. Names are unique, where there are any."""

Index(
    "accounts_by_name",
    accounts.c.name,
    unique=True,
    postgresql_where=accounts.c.name != "",
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey(accounts.c.id), nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("groups", JSONB, nullable=False),
    Column("last_login_time", BigInteger, nullable=False, server_default="0"),
    Column(
        "created_at", DateTime(timezone=True), nullable=False, server_default=func.now()
    ),
    Column(
        "updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()
    ),
    Index("api_keys_by_age", "account_id", "created_at", "id"),
)
"""Of a key its digest, and what stands before its secret end."""

devices = Table(
    "devices",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("endpoint_name", Text, nullable=False),
    Column("endpoint_type", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("bootstrapped_timestamp", DateTime(timezone=True)),
    Column("bootstrap_expiration_date", Date),
    Column("connector_expiration_date", Date),
    Column("device_execution_mode", Integer, nullable=False),
    Column("device_key", Text, nullable=False),
    Column("ca_id", Text, nullable=False),
    Column("issuer_fingerprint", Text),
    Column("developer", Text, nullable=False),
    Column("credentials_not_before", BigInteger, nullable=False),
    Column("bootstrapping_revision", BigInteger, nullable=False),
    Column("bootstrapped_revision", BigInteger, nullable=False),
    Column("registered_revision", BigInteger, nullable=False),
    Column("deregistered_revision", BigInteger, nullable=False),
    Column("initial_state", Text, nullable=False),
    Column("recorded", Boolean, nullable=False),
    Column("deleted_revision", BigInteger, nullable=False),
    Column("fingerprint", Text, nullable=False),
    _said("name"),
    _said("description"),
    Column("custom_attributes", JSONB, nullable=False, server_default="{}"),
    _said("host_gateway"),
    _said("mechanism", "connector"),
    _said("mechanism_url"),
    _said("serial_number"),
    _said("vendor_id"),
    _said("device_class"),
    _said("firmware_checksum"),
    _said("manifest"),
    _said("deployment"),
    _switch("auto_update"),
    _switch("operator_suspended"),
    Column(
        "lifecycle_status",
        Text,
        Computed("CASE WHEN operator_suspended THEN 'blocked' ELSE 'enabled' END"),
    ),
    _said("last_operator_suspended_category"),
    _said("last_operator_suspended_description"),
    Column("last_operator_suspended_updated_at", DateTime(timezone=True)),
    Column("enrolment_list_timestamp", DateTime(timezone=True)),
    postgresql_with={"fillfactor": 50},
)
"""Devices, and places that are kept for those that were deleted.

What a device does decides the columns down to ``fingerprint``, callers the others. A
page is left half empty: a device that changes in its page touches no index.
"""

RECORDED: ColumnElement[bool] = devices.c.recorded
"""Devices that are there for callers."""

Index(
    "devices_by_fingerprint",
    devices.c.fingerprint,
    postgresql_where=devices.c.fingerprint != "",
)

UNFINISHED = and_(
    RECORDED,
    devices.c.state == literal_column("'cloud_enrolling'"),
    devices.c.endpoint_name == devices.c.id,
)
"""Devices of developers, whose name is their id, that have never bootstrapped."""

Index("devices_unfinished", devices.c.id, postgresql_where=UNFINISHED)

CREDENTIALED = or_(
    devices.c.bootstrapped_revision > 0,
    devices.c.credentials_not_before > 0,
    devices.c.operator_suspended,
)
"""Devices of which the trust view has to know: something limits their credentials."""

Index(
    "devices_suspended",
    devices.c.account_id,
    devices.c.id,
    postgresql_where=devices.c.operator_suspended,
)

_EVENT_ORDER = ("date_time", "revision", "id")

device_events = Table(
    "device_events",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("device_id", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("date_time", DateTime(timezone=True), primary_key=True),
    Column("event_type", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("state_change", Boolean, nullable=False),
    Column("changes", JSONB, nullable=False),
    Column("data", JSONB, nullable=False),
    Index("device_events_by_age", "account_id", *_EVENT_ORDER),
    Index("device_events_by_device", "account_id", "device_id", *_EVENT_ORDER),
    Index("device_events_by_type", "account_id", "event_type", *_EVENT_ORDER),
    postgresql_partition_by="RANGE (date_time)",
)
"""What happened; its partitions are those of `services.directory.devices.history`."""

device_groups = Table(
    "device_groups",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("custom_attributes", JSONB, nullable=False),
    Column("devices_count", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("account_id", "name", name="device_groups_name"),
    Index("device_groups_by_age", "account_id", "created_at", "id"),
)

device_group_members = Table(
    "device_group_members",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("group_id", Text, primary_key=True),
    Column("device_id", Text, primary_key=True),
    ForeignKeyConstraint(
        ["account_id", "group_id"],
        [device_groups.c.account_id, device_groups.c.id],
        ondelete="CASCADE",
    ),
    Index("device_group_members_by_device", "account_id", "device_id"),
)

device_queries = Table(
    "device_queries",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Index("device_queries_by_age", "account_id", "created_at", "id"),
)

authorities = Table(
    "authorities",
    metadata,
    Column("name", Text, primary_key=True),
    Column("certificate", Text, nullable=False),
    Column("private_key", LargeBinary),
    Column("brought", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)

former_authorities = Table(
    "former_authorities",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("certificate", Text, nullable=False),
    Column("bridge", Text, nullable=False),
    Column("replaced_at", DateTime(timezone=True), nullable=False),
    Column("withdrawn_at", DateTime(timezone=True)),
)
"""Roots and issuers that others have followed; of their keys nothing is kept."""

trusted_certificates = Table(
    "trusted_certificates",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("enrollment_mode", Boolean, nullable=False),
    Column("device_execution_mode", Integer, nullable=False),
    Column("proven", Boolean, nullable=False),
    Column("owner_id", Text),
    Column("certificate", Text, nullable=False),
    Column("certificate_fingerprint", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("validity", DateTime(timezone=True), nullable=False),
    Column("subject_digest", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("account_id", "name", name="trusted_certificates_name"),
    UniqueConstraint(
        "account_id", "subject_digest", name="trusted_certificates_subject"
    ),
    Index("trusted_certificates_by_age", "account_id", "created_at", "id"),
)

developer_certificates = Table(
    "developer_certificates",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("private_key", LargeBinary, nullable=False),
    ForeignKeyConstraint(
        ["account_id", "id"],
        [trusted_certificates.c.account_id, trusted_certificates.c.id],
        ondelete="CASCADE",
    ),
)

device_shared_keys = Table(
    "device_shared_keys",
    metadata,
    Column("endpoint_name", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("id", Text, nullable=False, unique=True),
    Column("service", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Index("device_shared_keys_by_age", "account_id", "created_at", "id"),
)
"""One account's at most: a handshake says an endpoint name and no account."""

trust_changes = Table(
    "trust_changes",
    metadata,
    Column("number", BigInteger, Identity(), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("account_id", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column(
        "recorded_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.now(),
    ),
)
"""What is not in the trust view as it is here; written with the change itself.

``place`` is where the entry was or is, so that it is found when the row has gone.
``recorded_at`` is when the transaction began, by PostgreSQL's own clock.
"""

trust_generation = Table(
    "trust_generation", metadata, Column("word", Text, primary_key=True)
)
"""One row at most: what Redis has to call the trust view as it is."""
