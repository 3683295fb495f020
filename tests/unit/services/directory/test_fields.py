"""The members of the objects that callers read."""

from datetime import UTC, date, datetime
from types import SimpleNamespace

from services.directory import fields
from services.directory.devices.device_fields import DEVICE, DEVICE_EVENT

TIME = datetime(2026, 11, 24, 14, 20, 5, tzinfo=UTC)
TEXT = "2026-11-24T14:20:05.000000Z"
ROW = SimpleNamespace(
    id="d" * 32,
    account_id="a" * 32,
    state="registered",
    endpoint_name="urn:dev:1",
    endpoint_type="kettle",
    created_at=TIME,
    updated_at=TIME,
    bootstrapped_timestamp=None,
    bootstrap_expiration_date=None,
    connector_expiration_date=date(2027, 11, 24),
    device_execution_mode=1,
    device_key="f" * 64,
    ca_id="c" * 32,
    issuer_fingerprint=None,
    enrolment_list_timestamp=TIME,
    groups=["b" * 32],
    name="kitchen",
    description="",
    custom_attributes={"colour": "red"},
    host_gateway="",
    lifecycle_status="blocked",
    operator_suspended=True,
    last_operator_suspended_category="maintenance",
    last_operator_suspended_description="",
    last_operator_suspended_updated_at=TIME,
    mechanism="connector",
    mechanism_url="",
    serial_number="",
    vendor_id="",
    device_class="",
    firmware_checksum="",
    manifest="",
    deployment="",
    auto_update=False,
)


def test_a_device_shows_every_field_whatever_is_known_of_it() -> None:
    assert fields.build(DEVICE, ROW) == {
        "object": "device",
        "id": "d" * 32,
        "account_id": "a" * 32,
        "state": "registered",
        "endpoint_name": "urn:dev:1",
        "endpoint_type": "kettle",
        "name": "kitchen",
        "description": "",
        "custom_attributes": {"colour": "red"},
        "device_execution_mode": 1,
        "device_key": "f" * 64,
        "ca_id": "c" * 32,
        "issuer_fingerprint": None,
        "bootstrap_expiration_date": None,
        "connector_expiration_date": date(2027, 11, 24),
        "bootstrapped_timestamp": None,
        "created_at": TEXT,
        "updated_at": TEXT,
        "etag": TEXT,
        "enrolment_list_timestamp": TEXT,
        "groups": ["b" * 32],
        "host_gateway": "",
        "lifecycle_status": "blocked",
        "operator_suspended": True,
        "system_suspended": False,
        "last_operator_suspended_category": "maintenance",
        "last_operator_suspended_description": "",
        "last_operator_suspended_updated_at": TEXT,
        "last_system_suspended_category": "",
        "last_system_suspended_description": "",
        "last_system_suspended_updated_at": None,
        "mechanism": "connector",
        "mechanism_url": "",
        "serial_number": "",
        "vendor_id": "",
        "device_class": "",
        "firmware_checksum": "",
        "manifest": "",
        "manifest_timestamp": None,
        "deployment": "",
        "deployed_state": "",
        "auto_update": False,
    }


def test_a_device_event_shows_what_happened() -> None:
    row = SimpleNamespace(
        id="e" * 32,
        date_time=TIME,
        device_id="d" * 32,
        event_type="update.device.device-registered",
        description="Device registered",
        state_change=True,
        changes={"state": "registered"},
        data={},
    )
    assert fields.build(DEVICE_EVENT, row) == {
        "object": "device-event",
        "id": "e" * 32,
        "date_time": TEXT,
        "device_id": "d" * 32,
        "event_type": "update.device.device-registered",
        "event_type_category": "registration",
        "event_type_description": "Device registered",
        "state_change": True,
        "description": "Device registered",
        "changes": {"state": "registered"},
        "data": {},
        "created_at": TEXT,
        "etag": TEXT,
    }
