"""The members of devices and of what happened to them, as callers read them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, false, func, select

from services.directory.devices import journal
from services.directory.fields import (
    BARE,
    DATE,
    EQUALITY,
    ID,
    LIST,
    NUMBER,
    OBJECT,
    SPAN,
    TEXT,
    TIME,
    Field,
    derived,
    flag,
    text,
    time,
)
from services.directory.schema import device_events, device_group_members, devices

_columns = devices.c

GROUPS_OF_DEVICE: ColumnElement[Any] = func.array(
    select(device_group_members.c.group_id)
    .where(
        device_group_members.c.account_id == _columns.account_id,
        device_group_members.c.device_id == _columns.id,
    )
    .order_by(device_group_members.c.group_id)
    .correlate(devices)
    .scalar_subquery(),
    type_=ARRAY(Text),
).label("groups")
"""The groups that a device is in; to be selected beside its row."""


def _has_status(status: object) -> ColumnElement[bool]:
    """Ask for a lifecycle status by what it is computed of, which has an index."""
    match status:
        case "blocked":
            return _columns.operator_suspended
        case "enabled":
            return ~_columns.operator_suspended
        case _:
            return false()


DEVICE: Mapping[str, Field] = {
    "object": Field(TEXT, unset="device"),
    "id": text(_columns.id, kind=ID),
    "account_id": text(_columns.account_id, kind=ID),
    "state": text(_columns.state),
    "endpoint_name": text(_columns.endpoint_name),
    "endpoint_type": text(_columns.endpoint_type),
    "name": text(_columns.name),
    "description": text(_columns.description),
    "custom_attributes": Field(OBJECT, _columns.custom_attributes),
    "device_execution_mode": Field(
        NUMBER, _columns.device_execution_mode, 0, EQUALITY, EQUALITY
    ),
    "device_key": text(_columns.device_key),
    "ca_id": text(_columns.ca_id),
    "issuer_fingerprint": Field(
        TEXT, _columns.issuer_fingerprint, within_filter=EQUALITY
    ),
    "bootstrap_expiration_date": time(_columns.bootstrap_expiration_date, kind=DATE),
    "connector_expiration_date": time(_columns.connector_expiration_date, kind=DATE),
    "bootstrapped_timestamp": time(_columns.bootstrapped_timestamp),
    "created_at": time(_columns.created_at),
    "updated_at": time(_columns.updated_at),
    "etag": Field(TIME, _columns.updated_at, within_filter=SPAN | BARE),
    "enrolment_list_timestamp": time(_columns.enrolment_list_timestamp),
    "groups": Field(LIST, GROUPS_OF_DEVICE),
    "host_gateway": text(_columns.host_gateway),
    "lifecycle_status": Field(
        TEXT, _columns.lifecycle_status, "", EQUALITY, EQUALITY, _has_status
    ),
    "operator_suspended": flag(_columns.operator_suspended),
    "system_suspended": flag(),
    "last_operator_suspended_category": text(_columns.last_operator_suspended_category),
    "last_operator_suspended_description": Field(
        TEXT, _columns.last_operator_suspended_description
    ),
    "last_operator_suspended_updated_at": time(
        _columns.last_operator_suspended_updated_at
    ),
    "last_system_suspended_category": text(),
    "last_system_suspended_description": Field(TEXT, unset=""),
    "last_system_suspended_updated_at": time(),
    "mechanism": text(_columns.mechanism),
    "mechanism_url": text(_columns.mechanism_url),
    "serial_number": text(_columns.serial_number),
    "vendor_id": text(_columns.vendor_id),
    "device_class": text(_columns.device_class),
    "firmware_checksum": text(_columns.firmware_checksum),
    "manifest": text(_columns.manifest),
    "manifest_timestamp": time(),
    "deployment": text(_columns.deployment),
    "deployed_state": text(),
    "auto_update": flag(_columns.auto_update),
}

DEVICE_EVENT: Mapping[str, Field] = {
    "object": Field(TEXT, unset="device-event"),
    "id": text(device_events.c.id, kind=ID),
    "date_time": time(device_events.c.date_time),
    "device_id": text(device_events.c.device_id, kind=ID),
    "event_type": text(device_events.c.event_type),
    "event_type_category": derived(device_events.c.event_type, journal.category),
    "event_type_description": derived(device_events.c.event_type, journal.title),
    "state_change": flag(device_events.c.state_change),
    "description": text(device_events.c.description),
    "changes": Field(OBJECT, device_events.c.changes),
    "data": Field(OBJECT, device_events.c.data),
    "created_at": Field(TIME, device_events.c.date_time),
    "etag": Field(TIME, device_events.c.date_time),
}
