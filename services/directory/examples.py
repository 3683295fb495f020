"""Examples for the API description: one value for each member, wherever it stands."""

from collections.abc import Mapping
from typing import Any

_ID = "0196a3f45c7b4d0e8f112233445566ab"
_TIME = "2026-11-24T14:20:05.000000Z"
_PEM = "-----BEGIN CERTIFICATE-----\nMIIB...\n-----END CERTIFICATE-----\n"

KNOWN: Mapping[str, object] = {
    **dict.fromkeys(("id", "device_id", "enrolled_device_id"), _ID),
    "account_id": "5f0c1f0d2b6a4c3e9d8e7f6a5b4c3d2e",
    "owner_id": None,
    "after": None,
    "continuation_marker": None,
    "limit": 50,
    "order": "ASC",
    "has_more": False,
    "total_count": 1,
    "object": "list",
    "name": "kettle in the hall",
    "description": "The one beside the door.",
    "endpoint_name": "urn:dev:os:kettle-4711",
    "endpoint_type": "kettle",
    "state": "registered",
    "custom_attributes": {"site": "hall"},
    "device_execution_mode": 5,
    "device_key": "f2" * 32,
    "issuer_fingerprint": "e4" * 32,
    "certificate_fingerprint": "e4" * 32,
    "ca_id": "7d" * 16,
    "trusted_certificate_id": "7d" * 16,
    "bootstrap_expiration_date": "2036-11-24",
    "connector_expiration_date": "2027-11-24",
    "groups": ["9c" * 16],
    "lifecycle_status": "enabled",
    "mechanism": "connector",
    "serial_number": "4711",
    "vendor_id": "kettles.example",
    "device_class": "K-2",
    "category": "maintenance",
    "reference": "maintenance",
    "event_type": "update.device.device-registered",
    "event_type_category": "registration",
    "event_type_description": "Device registered",
    "changes": {"state": "registered"},
    "data": {"endpoint_name": "urn:dev:os:kettle-4711"},
    "devices_count": 12,
    "query": "state__eq=registered",
    "enrollment_identity": "A-" + ":".join(["4E"] * 32),
    "reason": "nobody has claimed this device",
    "status": "ACTIVE",
    "role": "operator",
    "key": "ak_10196a3f45c7b4d0e8f112233445566ab",
    "api_key": "ak_1…, shown this once",
    "owner": "",
    "creation_time": 1795530005000,
    "last_login_time": 1795530065000,
    "api_key_limit": 25,
    "device_limit": None,
    "service": "bootstrap",
    "certificate": _PEM,
    "developer_certificate": _PEM,
    "server_certificate": _PEM,
    "subject": "CN=Factory CA",
    "issuer": "CN=Factory CA",
    "url": "coaps://bootstrap.example:5784?aid=5f0c1f0d2b6a4c3e9d8e7f6a5b4c3d2e",
    "server_uri": "coaps://lwm2m.example:5684",
    "secret_hex": "5e" * 16,
}
"""What a member may be, by its name."""

_BY_TYPE: Mapping[str, object] = {
    "boolean": False,
    "integer": 0,
    "number": 0,
    "string": "",
    "null": None,
}


def build(  # noqa: C901, PLR0911 # one for each shape of a schema
    schema: Mapping[str, Any], name: str = ""
) -> object:
    """Build an example of what a JSON schema describes.

    Of an object that says which members are required, others stand there only if a
    value is known for them.
    """
    match schema:
        case {"const": value}:
            return value
        case {"properties": members}:
            return _object(members, schema.get("required"))
        case {"type": "array", "items": {"properties": _} as items}:
            return [build(items)]
        case _ if name in KNOWN:
            return KNOWN[name]
        case {"enum": [first, *_]}:
            return first
        case {"anyOf": [first, *_]}:
            return build(first, name)
        case {"format": "date-time"}:
            return _TIME
        case {"type": "array"}:
            return []
        case {"type": "object"}:
            return {}
        case {"type": [first, *_]} | {"type": first}:
            return _BY_TYPE[first]
        case _:
            return None


def _object(
    members: Mapping[str, Mapping[str, Any]], required: list[str] | None
) -> dict[str, object]:
    return {
        name: build(member, name)
        for name, member in members.items()
        if required is None or name in required or name in KNOWN
    }
