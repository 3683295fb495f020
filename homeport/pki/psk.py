"""The keys that bootstrap hands to devices: derived, so that nothing is stored (B-073).

An identity has 32 characters, since that is what TinyDTLS takes, and so every Wakaama:
a device id, the time of issue in milliseconds (6 bytes), and a tag (2 bytes) that tells
the secret which it was made with. There is no room for the account; the key depends on
it, so an identity is good for nothing under another account.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass, field

from homeport.keyring import Keyring
from homeport.names import AccountId, DeviceId

KEY_BYTES = 16
"""The longest key that TinyDTLS takes."""

_DEVICE_BYTES = 16
_TIME_BYTES = 6
_TAG_BYTES = 2
_IDENTITY_BYTES = _DEVICE_BYTES + _TIME_BYTES + _TAG_BYTES
_KEY = "psk"
_TAG = "psk tag"


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A PSK identity, 32 ASCII characters, and its key."""

    identity: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class IssuedIdentity:
    """What an identity says, proved only by its key; issued in ms since 1970."""

    device: DeviceId
    issued: int


def issue(
    keyring: Keyring, *, account: AccountId, device: DeviceId, now_ms: int
) -> IssuedKey:
    """Issue an identity and its key; both are new at each millisecond."""
    content = bytes.fromhex(device) + now_ms.to_bytes(_TIME_BYTES, "big")
    tag = keyring.derive(_TAG, content, _TAG_BYTES)[0]
    identity = base64.urlsafe_b64encode(content + tag)
    return IssuedKey(identity, _keys(keyring, identity, account)[0])


def recognize(identity: bytes) -> IssuedIdentity | None:
    """Read an identity of the form that we issue; nothing for any other.

    An account may have registered one that looks like it: look that up first.
    """
    content = _decode(identity)
    if content is None:
        return None
    device, issued = content[:_DEVICE_BYTES], content[_DEVICE_BYTES:-_TAG_BYTES]
    return IssuedIdentity(DeviceId(device.hex()), int.from_bytes(issued, "big"))


def key(keyring: Keyring, identity: bytes, *, account: AccountId) -> bytes | None:
    """Return the key of an identity that we issued; nothing if we never did."""
    content = _decode(identity)
    if content is None:
        return None
    tags = keyring.derive(_TAG, content[:-_TAG_BYTES], _TAG_BYTES)
    for tag, derived in zip(tags, _keys(keyring, identity, account), strict=True):
        if hmac.compare_digest(tag, content[-_TAG_BYTES:]):
            return derived
    return None


def _decode(identity: bytes) -> bytes | None:
    try:
        content = base64.urlsafe_b64decode(identity)
    except binascii.Error:
        return None
    if len(content) != _IDENTITY_BYTES:
        return None
    return content if base64.urlsafe_b64encode(content) == identity else None


def _keys(keyring: Keyring, identity: bytes, account: AccountId) -> list[bytes]:
    return keyring.derive(_KEY, account.encode() + identity, KEY_BYTES)
