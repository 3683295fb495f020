"""The installation's secret: it seals what is stored, and derives keys from it.

Every replica holds the same secret, configured once. A key that is rotated stays in the
list behind the new one until nothing is sealed with it any more.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from homeport.errors import InvalidConfiguration, InvalidFormat

SECRET_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_SETTING = "HOMEPORT_SECRET_KEY"


@dataclass(frozen=True, slots=True)
class Resealed:
    """What has been sealed anew of all that was ``found`` somewhere.

    ``anew`` was sealed with an older secret, ``unopened`` no secret opens: that stays.
    """

    found: int = 0
    anew: int = 0
    unopened: int = 0

    def __add__(self, other: "Resealed") -> "Resealed":
        """Count two of them together."""
        return Resealed(
            self.found + other.found,
            self.anew + other.anew,
            self.unopened + other.unopened,
        )


class Keyring:
    """Seals with the first secret, opens with any of them."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._sealers = [AESGCM(_expand(secret, "seal")) for secret in secrets]
        self._secrets = tuple(secrets)

    @classmethod
    def parse(cls, text: str) -> "Keyring":
        """Read secrets of 64 hex characters, newest first, separated by commas.

        Raises InvalidConfiguration, which never repeats what was given.
        """
        try:
            secrets = [bytes.fromhex(part) for part in text.split(",")]
        except ValueError:
            secrets = []
        if not secrets or any(len(secret) != SECRET_BYTES for secret in secrets):
            raise InvalidConfiguration(
                _SETTING, f"is no list of {SECRET_BYTES} bytes in hex"
            )
        return cls(secrets)

    def seal(self, content: bytes, *, place: str) -> bytes:
        """Encrypt content for the one place where it is stored (AES-256-GCM)."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._sealers[0].encrypt(nonce, content, place.encode())

    def open(self, sealed: bytes, *, place: str) -> bytes:
        """Decrypt what was sealed for this place; raise InvalidFormat otherwise."""
        return self._open(sealed, place)[1]

    def reseal(self, sealed: bytes, *, place: str) -> bytes | None:
        """Seal with the first secret what another one has; nothing if it was the first.

        Raises InvalidFormat where none of them opens it.
        """
        number, content = self._open(sealed, place)
        return self.seal(content, place=place) if number else None

    def _open(self, sealed: bytes, place: str) -> tuple[int, bytes]:
        """Return which secret opens something, and what it is."""
        nonce, box = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        if len(box) >= _TAG_BYTES:
            for number, sealer in enumerate(self._sealers):
                try:
                    return number, sealer.decrypt(nonce, box, place.encode())
                except InvalidTag:
                    continue
        raise InvalidFormat("sealed content", f"cannot be opened as {place}")

    @property
    def newest(self) -> "Keyring":
        """The first secret alone, as it is once the others are taken away."""
        return Keyring(self._secrets[:1])

    def derive(self, purpose: str, context: bytes, length: int) -> list[bytes]:
        """Derive a key for a purpose and context, one for each secret, newest first."""
        return [_expand(secret, purpose, context, length) for secret in self._secrets]


def new_secret() -> str:
    """Make a secret in the form that `Keyring.parse` reads."""
    return os.urandom(SECRET_BYTES).hex()


def _expand(
    secret: bytes, purpose: str, context: bytes = b"", length: int = SECRET_BYTES
) -> bytes:
    """Expand a secret (RFC 5869 §2.3); purposes have no NUL, so none is another's."""
    info = f"homeport {purpose}\0".encode() + context
    return HKDFExpand(SHA256(), length, info).derive(secret)
