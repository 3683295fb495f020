"""NATS' own keys and tokens: Ed25519 in base32, and JSON Web Tokens signed with it.

What NATS calls nkeys: a public key is 'A' or 'U' and more of base32, a seed begins with
'SA' or 'SU'; both end with a checksum. Tokens are JWTs with the algorithm ed25519-nkey.
"""

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from homeport.errors import InvalidFormat

_SEED = 18 << 3
_ACCOUNT = 0
_KEY_LENGTH = 32
_CHECKSUM_LENGTH = 2
_HEX = re.compile(f"[0-9a-f]{{{2 * _KEY_LENGTH}}}")
_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}


class AccountKey:
    """The key of a NATS account, which says what the account's users may do."""

    def __init__(self, raw: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(raw)
        public = self._private.public_key()
        self.public = _write(
            bytes([_ACCOUNT]) + public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        )

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Build a token of ours that says what is claimed."""
        issued = {**claims, "iss": self.public}
        identity = hashlib.sha256(orjson.dumps(issued)).digest()
        issued["jti"] = base64.b32encode(identity).decode().rstrip("=")
        signed = f"{_part(_HEADER)}.{_part(issued)}"
        return f"{signed}.{_base64(self._private.sign(signed.encode()))}"


def new_seed() -> str:
    """Make the seed of an account's key."""
    first = bytes([_SEED | _ACCOUNT >> 5, (_ACCOUNT & 31) << 3])
    return _write(first + secrets.token_bytes(_KEY_LENGTH))


def parse_seed(text: str) -> AccountKey:
    """Read the seed of an account's key; raise InvalidFormat, which repeats nothing.

    Where no tool of NATS is at hand, 32 bytes in hex are one as well.
    """
    if _HEX.fullmatch(text):
        return AccountKey(bytes.fromhex(text))
    try:
        content = base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error as error:
        raise InvalidFormat("NATS seed", "is not base32") from error
    body, checksum = content[:-_CHECKSUM_LENGTH], content[-_CHECKSUM_LENGTH:]
    if len(body) != 2 + _KEY_LENGTH or checksum != _checksum(body):
        raise InvalidFormat("NATS seed", "is cut short or mistyped")
    kind = (body[0] & 7) << 5 | body[1] >> 3
    if body[0] & 0xF8 != _SEED or kind != _ACCOUNT:
        raise InvalidFormat("NATS seed", "is not that of an account: SA…")
    return AccountKey(body[2:])


def claims(token: str) -> dict[str, Any]:
    """Read what a token claims, whoever has signed it; raise InvalidFormat."""
    try:
        _, body, _ = token.split(".")
        found = orjson.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, binascii.Error) as error:
        raise InvalidFormat("NATS token", "is none") from error
    if not isinstance(found, dict):
        raise InvalidFormat("NATS token", "claims nothing")
    return found


def _write(content: bytes) -> str:
    return base64.b32encode(content + _checksum(content)).decode().rstrip("=")


def _checksum(content: bytes) -> bytes:
    """Return the CRC-16 (XMODEM), the lower byte first."""
    return binascii.crc_hqx(content, 0).to_bytes(_CHECKSUM_LENGTH, "little")


def _part(content: Mapping[str, Any]) -> str:
    return _base64(orjson.dumps(content))


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
