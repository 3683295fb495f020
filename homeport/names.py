"""The names that two services must agree on, validated once, at the door.

A name that has passed its parse function is trusted everywhere inside.
"""

import re
import secrets
import unicodedata
import uuid
from binascii import crc_hqx
from typing import NewType

from homeport.errors import InvalidName

AccountId = NewType("AccountId", str)
"""32 lower-case hex characters; the customer that owns devices."""

DeviceId = NewType("DeviceId", str)
"""32 lower-case hex characters; what applications call a device."""

EndpointName = NewType("EndpointName", str)
"""1 to 64 characters without control characters; what a device calls itself."""

RegistrationId = NewType("RegistrationId", str)
"""A device id and 16 random hex characters; leads to its session without an index."""

EdgeId = NewType("EdgeId", str)
"""The name of one running replica of an edge or publisher."""

PLATFORM_ACCOUNT = AccountId("0" * 32)
"""Facts of which no account is known go here."""

ID_LENGTH = 32
ENDPOINT_NAME_LENGTH = 64
_SUFFIX_LENGTH = 16
_REGISTRATION_ID = re.compile(f"[0-9a-f]{{{ID_LENGTH + _SUFFIX_LENGTH}}}").fullmatch
_HEX = frozenset("0123456789abcdef")


def parse_account_id(text: str) -> AccountId:
    """Validate an account id; either case is accepted, lower case is kept (B-060)."""
    return AccountId(_parse_hex("account id", text))


def parse_device_id(text: str) -> DeviceId:
    """Validate a device id; either case is accepted, lower case is kept (B-060)."""
    return DeviceId(_parse_hex("device id", text))


def parse_endpoint_name(text: str) -> EndpointName:
    """Validate an endpoint name: 1 to 64 characters, none a control one (B-047)."""
    if not 1 <= len(text) <= ENDPOINT_NAME_LENGTH:
        raise InvalidName("endpoint name", f"has {len(text)} characters, not 1 to 64")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise InvalidName("endpoint name", "has a control character")
    return EndpointName(text)


def device_id(account: AccountId, endpoint_name: EndpointName) -> DeviceId:
    """Compute a device's id: the UUIDv5 of its name in its account (B-053)."""
    return DeviceId(uuid.uuid5(uuid.UUID(account), endpoint_name).hex)


def new_account_id() -> AccountId:
    """Make a fresh account id."""
    return AccountId(uuid.uuid4().hex)


def new_registration_id(device: DeviceId) -> RegistrationId:
    """Make an id that nobody can guess and that names its device (design.md)."""
    return RegistrationId(device + secrets.token_hex(_SUFFIX_LENGTH // 2))


def parse_registration_id(text: str) -> RegistrationId:
    """Validate the shape of a registration id; whether it lives, the store knows."""
    if not _REGISTRATION_ID(text):
        raise InvalidName("registration id", "is not 48 lower-case hex characters")
    return RegistrationId(text)


def device_of(registration: RegistrationId) -> DeviceId:
    """Return the device that a registration id belongs to."""
    return DeviceId(registration[:ID_LENGTH])


def new_edge_id(service: str) -> EdgeId:
    """Name this replica; two replicas never share a name."""
    return EdgeId(f"{service}-{secrets.token_hex(6)}")


def service_of(edge: EdgeId) -> str:
    """Return the service that a replica is of."""
    return edge.rpartition("-")[0]


def bucket(device: DeviceId, buckets: int) -> int:
    """Return the bucket of a device: the CRC-16 (XMODEM) of its id, modulo."""
    return crc_hqx(device.encode(), 0) % buckets


def _parse_hex(kind: str, text: str) -> str:
    lowered = text.lower()
    if len(text) != ID_LENGTH or not _HEX.issuperset(lowered):
        raise InvalidName(kind, "is not 32 hex characters")
    return lowered
