"""Server accounts: where a device goes, and what opens the door there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from urllib.parse import urlsplit

from homeport.dtls.client import DeviceKey
from homeport.dtls.context import CertifiedKey
from homeport.errors import InvalidFormat
from homeport.pki import certificates, keys
from homeport.pki.subjects import Subject
from homeport.protocol.formats.records import Value

Credential = DeviceKey | CertifiedKey

PLAIN, SECURED = "coap", "coaps"

_URI, _MODE, _IDENTITY, _SERVER, _KEY = 0, 2, 3, 4, 5
"""The resources of a Security object (OMA LwM2M, appendix E.1)."""


class _Mode(IntEnum):
    SHARED_KEY = 0
    CERTIFICATE = 2
    NOTHING = 3


@dataclass(frozen=True, slots=True)
class Account:
    """A server, and what a device shows it: nothing where the server is a plain one.

    ``anchor`` is the certificate in DER that the server's chain has to lead to; an
    empty one takes any server.
    """

    url: str
    credential: Credential | None = None
    anchor: bytes = field(default=b"", repr=False)

    @property
    def subject(self) -> Subject:
        """Who the certificate says that the device is; nobody without one."""
        if isinstance(self.credential, CertifiedKey):
            return certificates.parse(self.credential.chain[0]).subject
        return Subject()


def of(written: Mapping[int, Value]) -> Account:
    """Return the account of a written Security instance, by its resources.

    Raises InvalidFormat for a server that a device could not reach, and for what it
    could not show there.
    """
    url, credential = written.get(_URI), _credential(written)
    wanted = SECURED if credential else PLAIN
    if not isinstance(url, str) or scheme(url) != wanted:
        raise InvalidFormat("security object", "has a server that cannot be reached")
    return Account(url, credential, _bytes(written, _SERVER) if credential else b"")


def scheme(url: str) -> str:
    """Return the scheme of a URL with host and port; nothing for any other."""
    try:
        parts = urlsplit(url)
        usable = parts.hostname and parts.port
    except ValueError:
        return ""
    return parts.scheme if usable and parts.scheme in (PLAIN, SECURED) else ""


def _credential(written: Mapping[int, Value]) -> Credential | None:
    mode = written.get(_MODE)
    identity, key = _bytes(written, _IDENTITY), _bytes(written, _KEY)
    match mode:
        case _Mode.NOTHING:
            return None
        case _Mode.SHARED_KEY if identity and key:
            return DeviceKey(identity, key)
        case _Mode.CERTIFICATE:
            return certified((identity,), key)
    raise InvalidFormat("security object", f"has no credential for mode {mode!r}")


def certified(chain: tuple[bytes, ...], key: bytes) -> CertifiedKey:
    """Pair a certificate with its key; raise InvalidFormat if they are no pair."""
    certificate = certificates.parse(chain[0])
    with certificates.reading():
        public = certificate.parsed.public_key()
    if public != keys.decode(key).public_key():
        raise InvalidFormat("certificate", "has another private key")
    return CertifiedKey(chain, key)


def _bytes(written: Mapping[int, Value], number: int) -> bytes:
    value = written.get(number, b"")
    return value if isinstance(value, bytes) else b""
