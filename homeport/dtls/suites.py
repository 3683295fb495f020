"""The cipher suites that are spoken, in the server's order of preference."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM

KEY_BYTES = 16
"""Every suite here is AES-128."""

SHORT_TAG, LONG_TAG = 8, 16


@dataclass(frozen=True, slots=True)
class Aead:
    """How a suite protects records: ``cipher`` makes one for a key."""

    cipher: Callable[[bytes], AESCCM | AESGCM]
    tag: int


@dataclass(frozen=True, slots=True)
class Suite:
    """A cipher suite: its number, OpenSSL's name for it, and what it is made of.

    ``aead`` is None where OpenSSL has to protect the records itself.
    """

    number: int
    name: str
    psk: bool
    aead: Aead | None


_CCM_8 = Aead(partial(AESCCM, tag_length=SHORT_TAG), SHORT_TAG)
_CCM = Aead(AESCCM, LONG_TAG)
_GCM = Aead(AESGCM, LONG_TAG)

SUITES = (
    Suite(0xC0AE, "ECDHE-ECDSA-AES128-CCM8", psk=False, aead=_CCM_8),
    Suite(0xC0AC, "ECDHE-ECDSA-AES128-CCM", psk=False, aead=_CCM),
    Suite(0xC02B, "ECDHE-ECDSA-AES128-GCM-SHA256", psk=False, aead=_GCM),
    Suite(0xC0A8, "PSK-AES128-CCM8", psk=True, aead=_CCM_8),
    Suite(0xC0A4, "PSK-AES128-CCM", psk=True, aead=_CCM),
    Suite(0x00A8, "PSK-AES128-GCM-SHA256", psk=True, aead=_GCM),
    Suite(0x00AE, "PSK-AES128-CBC-SHA256", psk=True, aead=None),
)
_BY_NUMBER = {suite.number: suite for suite in SUITES}


def by_number(number: int) -> Suite | None:
    """Return the suite with a number of IANA's registry, if it is spoken."""
    return _BY_NUMBER.get(number)


def openssl_names() -> str:
    """Return the names as OpenSSL's cipher list takes them."""
    return ":".join(suite.name for suite in SUITES)
