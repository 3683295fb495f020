"""What devices are found by: an index for each member that callers may ask for.

Each begins with the account. Where many devices may have the same value, the index
leads to them in the order of a list, so that a page costs the same wherever it is. Of
what is said of few devices, only these few are in the index.

There is none for ``updated_at``: nearly every fact changes it, and a row of which no
indexed column changes is written without touching any index where its page has room.
"""

from typing import Any

from sqlalchemy import Column, ColumnElement, Index, and_, literal_column, true

from services.directory.schema import RECORDED, devices

_COLUMNS = devices.c
_ORDER = (_COLUMNS.created_at, _COLUMNS.id)
_TEXTS = ("name", "endpoint_type", "vendor_id", "device_class", "ca_id")
_KEYS = ("device_key", "serial_number")
_TIMES = (
    *("bootstrapped_timestamp", "enrolment_list_timestamp"),
    *("bootstrap_expiration_date", "connector_expiration_date"),
    "last_operator_suspended_updated_at",
)
_LONG_TEXTS = (
    *("description", "host_gateway", "mechanism_url"),
    *("firmware_checksum", "manifest", "deployment"),
)
"""They may be too long for an index of another kind than a hash."""


def _index(
    name: str, *columns: Column[Any], where: ColumnElement[bool] | None = None
) -> Index:
    there = and_(RECORDED, true() if where is None else where)
    return Index(
        f"devices_{name}", _COLUMNS.account_id, *columns, postgresql_where=there
    )


def _is_said(name: str) -> ColumnElement[bool]:
    return _COLUMNS[name] != literal_column("''")


BY_KIND = (
    _index("by_age", *_ORDER),
    _index("by_endpoint_name", _COLUMNS.endpoint_name),
    _index("by_state", _COLUMNS.state, *_ORDER),
    _index("by_execution_mode", _COLUMNS.device_execution_mode, *_ORDER),
    _index(
        "by_issuer_fingerprint",
        *(_COLUMNS.issuer_fingerprint, *_ORDER),
        where=_COLUMNS.issuer_fingerprint.is_not(None),
    ),
    _index(
        "by_category",
        *(_COLUMNS.last_operator_suspended_category, *_ORDER),
        where=_is_said("last_operator_suspended_category"),
    ),
    _index("blocked", *_ORDER, where=_COLUMNS.operator_suspended),
    _index("updating", *_ORDER, where=_COLUMNS.auto_update),
    _index(
        "direct", *_ORDER, where=_COLUMNS.mechanism != literal_column("'connector'")
    ),
)
"""Of two kinds, the rarer one has an index."""

BY_TEXT = tuple(
    _index(f"by_{name}", _COLUMNS[name], *_ORDER, where=_is_said(name))
    for name in _TEXTS
)
BY_KEY = tuple(
    _index(f"by_{name}", _COLUMNS[name], where=_is_said(name)) for name in _KEYS
)
BY_TIME = tuple(
    _index(f"by_{name}", _COLUMNS[name], where=_COLUMNS[name].is_not(None))
    for name in _TIMES
)
BY_LONG_TEXT = tuple(
    Index(
        f"devices_by_{name}",
        _COLUMNS[name],
        postgresql_using="hash",
        postgresql_where=and_(RECORDED, _is_said(name)),
    )
    for name in _LONG_TEXTS
)
BY_ATTRIBUTE = Index(
    "devices_by_custom_attributes",
    _COLUMNS.custom_attributes,
    postgresql_using="gin",
    postgresql_ops={"custom_attributes": "jsonb_path_ops"},
    postgresql_where=RECORDED,
)
