"""The members of the objects that the directory shows, and what may be asked of each.

One table an object: the body, the filters and the API description are made from it. A
member that nothing is kept of has no column: it shows what it is while it is unset
(R-30), and can be filtered by that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Text,
    literal,
)
from sqlalchemy.types import TypeEngine

from homeport.errors import InvalidFormat
from services.directory import journal, times
from services.directory.schema import device_events, device_shared_keys, devices
from services.directory.storable import storable

EQUALITY = frozenset({"eq", "neq", "in", "nin"})
EITHER = frozenset({"eq", "neq"})
SPAN = frozenset({"in", "nin", "gte", "lte"})
NOTHING: frozenset[str] = frozenset()
BARE = frozenset({"eq"})
"""What a time can be asked besides where ``filter=`` is used."""

LARGEST_NUMBER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of values: read from a filter, shown in a body, described to callers.

    ``parse`` raises InvalidFormat.
    """

    type: TypeEngine[Any]
    parse: Callable[[str], object]
    schema: Mapping[str, object]
    build: Callable[[Any], object] = lambda value: value


@dataclass(frozen=True, slots=True)
class Field:
    """A member of an object, and the operators that it can be asked for with.

    ``operators`` are those of the query itself, ``within_filter`` of the older
    ``filter=``. ``meets`` says what eq means where that is not equality; a member that
    is not ``shown`` can only be asked for.
    """

    kind: Kind
    column: Column[Any] | None = None
    unset: object = None
    operators: frozenset[str] = NOTHING
    within_filter: frozenset[str] = NOTHING
    meets: Callable[[Any], ColumnElement[bool]] | None = None
    shown: bool = True

    @property
    def expression(self) -> ColumnElement[Any]:
        """What stands for it in a query."""
        if self.column is not None:
            return self.column
        return literal(self.unset, self.kind.type)


def build(fields: Mapping[str, Field], row: Any) -> dict[str, object]:
    """Build the body of an object from its row."""
    return {name: _value(field, row) for name, field in fields.items() if field.shown}


def _value(field: Field, row: Any) -> object:
    if field.column is None:
        return field.unset
    value = getattr(row, field.column.name)
    return None if value is None else field.kind.build(value)


def _parse_flag(text: str) -> bool:
    match text.lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            raise InvalidFormat("boolean", f"{text[:40]!r} is neither true nor false")


def _parse_number(text: str) -> int:
    digits = text.isascii() and text.isdigit() and len(text) <= len(f"{LARGEST_NUMBER}")
    if not digits or int(text) > LARGEST_NUMBER:
        raise InvalidFormat("number", f"{text[:40]!r} is not 0 to {LARGEST_NUMBER}")
    return int(text)


def _parse_date(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 # a day only
    except ValueError:
        return times.parse(text).date()


TEXT = Kind(Text(), storable, {"type": "string"})
ID = Kind(
    Text(), lambda text: storable(text.lower()), {"type": "string", "maxLength": 32}
)
FLAG = Kind(Boolean(), _parse_flag, {"type": "boolean"})
NUMBER = Kind(Integer(), _parse_number, {"type": "integer"})
TIME = Kind(
    DateTime(timezone=True),
    times.parse,
    {"type": "string", "format": "date-time", "nullable": True},
    times.build,
)
DATE = Kind(Date(), _parse_date, {"type": "string", "format": "date", "nullable": True})
OBJECT = Kind(Text(), storable, {"type": "object"})
LIST = Kind(Text(), storable, {"type": "array", "items": {"type": "string"}})


def _text(column: Column[Any] | None = None, *, kind: Kind = TEXT) -> Field:
    return Field(kind, column, "", EQUALITY, EQUALITY)


def _time(column: Column[Any] | None = None, *, kind: Kind = TIME) -> Field:
    return Field(kind, column, None, SPAN, SPAN | BARE)


def _flag(column: Column[Any] | None = None) -> Field:
    return Field(FLAG, column, unset=False, operators=EITHER, within_filter=EITHER)


def _derived(column: Column[Any], build: Callable[[Any], object]) -> Field:
    return Field(Kind(Text(), storable, {"type": "string"}, build), column)


ATTRIBUTE = Field(TEXT, None, None, EQUALITY, EQUALITY)
"""One custom attribute, by its key; no device has any (R-23)."""

DEVICE: Mapping[str, Field] = {
    "object": Field(TEXT, unset="device"),
    "id": _text(devices.c.id, kind=ID),
    "account_id": _text(devices.c.account_id, kind=ID),
    "state": _text(devices.c.state),
    "endpoint_name": _text(devices.c.endpoint_name),
    "endpoint_type": _text(devices.c.endpoint_type),
    "name": _text(),
    "description": _text(),
    "custom_attributes": Field(OBJECT, unset={}),
    "device_execution_mode": Field(
        NUMBER, devices.c.device_execution_mode, 0, EQUALITY, EQUALITY
    ),
    "device_key": _text(devices.c.device_key),
    "ca_id": _text(devices.c.ca_id),
    "issuer_fingerprint": Field(
        TEXT, devices.c.issuer_fingerprint, within_filter=EQUALITY
    ),
    "bootstrap_expiration_date": _time(devices.c.bootstrap_expiration_date, kind=DATE),
    "connector_expiration_date": _time(devices.c.connector_expiration_date, kind=DATE),
    "bootstrapped_timestamp": _time(devices.c.bootstrapped_timestamp),
    "created_at": _time(devices.c.created_at),
    "updated_at": _time(devices.c.updated_at),
    "etag": Field(TIME, devices.c.updated_at, within_filter=SPAN | BARE),
    "enrolment_list_timestamp": _time(),
    "groups": Field(LIST, unset=[]),
    "host_gateway": _text(),
    "lifecycle_status": Field(TEXT, None, "enabled", EQUALITY, EQUALITY),
    "operator_suspended": _flag(),
    "system_suspended": _flag(),
    "last_operator_suspended_category": _text(),
    "last_operator_suspended_description": Field(TEXT, unset=""),
    "last_operator_suspended_updated_at": _time(),
    "last_system_suspended_category": _text(),
    "last_system_suspended_description": Field(TEXT, unset=""),
    "last_system_suspended_updated_at": _time(),
    "mechanism": Field(TEXT, None, "connector", EQUALITY, EQUALITY),
    "mechanism_url": _text(),
    "serial_number": _text(),
    "vendor_id": _text(),
    "device_class": _text(),
    "firmware_checksum": _text(),
    "manifest": _text(),
    "manifest_timestamp": _time(),
    "deployment": _text(),
    "deployed_state": _text(),
    "auto_update": _flag(),
}

DEVICE_EVENT: Mapping[str, Field] = {
    "object": Field(TEXT, unset="device-event"),
    "id": _text(device_events.c.id, kind=ID),
    "date_time": _time(device_events.c.date_time),
    "device_id": _text(device_events.c.device_id, kind=ID),
    "event_type": _text(device_events.c.event_type),
    "event_type_category": _derived(device_events.c.event_type, journal.category),
    "event_type_description": _derived(device_events.c.event_type, journal.title),
    "state_change": _flag(device_events.c.state_change),
    "description": _text(device_events.c.description),
    "changes": Field(OBJECT, device_events.c.changes),
    "data": Field(OBJECT, device_events.c.data),
    "created_at": Field(TIME, device_events.c.date_time),
    "etag": Field(TIME, device_events.c.date_time),
}

SHARED_KEY: Mapping[str, Field] = {
    "object": Field(TEXT, unset="device-shared-key"),
    "endpoint_name": Field(TEXT, device_shared_keys.c.endpoint_name),
    "service": Field(TEXT, device_shared_keys.c.service),
    "created_at": Field(TIME, device_shared_keys.c.created_at),
}
"""Never the secret (R-81)."""
