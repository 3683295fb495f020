"""What devices leave the factory with: the credentials of a fleet."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from homeport.dtls.client import DeviceKey
from homeport.dtls.context import CertifiedKey
from homeport.errors import InvalidConfiguration, InvalidInput
from homeport.pki import authorities, certificates, keys, pem, subjects
from homeport.pki.authorities import BACKDATED, Authority
from homeport.pki.subjects import Subject
from homeport.simulator.accounts import Credential, certified

KEY_BYTES = 16
_LIFE = timedelta(days=365)


class Factory(Protocol):
    """Where devices come from."""

    def credential(self, endpoint_name: str) -> Credential:
        """Make or find what a device shows; raise InvalidConfiguration."""


@dataclass(frozen=True, slots=True)
class SharedCertificate:
    """All devices show one certificate, as a developer's do."""

    certified: CertifiedKey

    def credential(self, endpoint_name: str) -> Credential:
        """Return the certificate."""
        del endpoint_name
        return self.certified


@dataclass(frozen=True, slots=True)
class OwnCertificates:
    """Every device has a certificate of its own, signed by the factory's CA."""

    authority: Authority

    def credential(self, endpoint_name: str) -> Credential:
        """Sign a certificate for a year whose CN is the endpoint name."""
        key, now = keys.generate(), datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subjects.build(Subject(common_name=endpoint_name)))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(now + _LIFE)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
            )
        )
        return CertifiedKey((self.authority.sign(builder),), keys.encode(key))


@dataclass(frozen=True, slots=True)
class DerivedKeys:
    """Every device has a PSK, derived from a secret; the identity is its name."""

    secret: bytes = field(repr=False)

    def credential(self, endpoint_name: str) -> Credential:
        """Return HMAC-SHA256 of the name under the secret, its first 16 bytes."""
        identity = endpoint_name.encode()
        key = hmac.digest(self.secret, identity, hashlib.sha256)[:KEY_BYTES]
        return DeviceKey(identity, key)


@dataclass(frozen=True, slots=True)
class ListedKeys:
    """Every device has a PSK that is given; the identity is its name."""

    keys: Mapping[str, bytes] = field(repr=False)

    def credential(self, endpoint_name: str) -> Credential:
        """Return the key of a device; raise InvalidConfiguration without one."""
        key = self.keys.get(endpoint_name)
        if key is None:
            raise InvalidConfiguration("--psk-file", f"has no key of {endpoint_name}")
        return DeviceKey(endpoint_name.encode(), key)


def find(
    *,
    certificate: Path | None = None,
    authority: Path | None = None,
    psk_secret: str | None = None,
    psk_file: Path | None = None,
) -> Factory | None:
    """Open the factory that is described, if one is; raise InvalidConfiguration."""
    found: list[Factory] = []
    if certificate is not None:
        found.append(read_certificate(certificate))
    if authority is not None:
        found.append(read_authority(authority))
    if psk_secret is not None:
        found.append(parse_secret(psk_secret))
    if psk_file is not None:
        found.append(read_keys(psk_file))
    if len(found) > 1:
        raise InvalidConfiguration("credentials", "come from more than one option")
    return found[0] if found else None


def parse_secret(text: str) -> DerivedKeys:
    """Parse a secret in hex; raise InvalidConfiguration."""
    return DerivedKeys(_hex("--psk-secret", text))


def read_keys(path: Path) -> ListedKeys:
    """Read lines of a name, a comma and a key in hex; raise InvalidConfiguration."""
    found = {}
    for line in filter(None, _read("--psk-file", path).splitlines()):
        name, _, text = line.rpartition(",")
        found[name.strip()] = _hex("--psk-file", text.strip())
    return ListedKeys(found)


def read_certificate(path: Path) -> SharedCertificate:
    """Read a PEM file of a certificate, its issuers if any, and its key.

    Raises InvalidConfiguration.
    """
    return SharedCertificate(_read_certified("--certificate", path))


def read_authority(path: Path) -> OwnCertificates:
    """Read a PEM file of a CA's certificate and its key; raise InvalidConfiguration."""
    found = _read_certified("--authority", path)
    certificate = certificates.parse(found.chain[0])
    if not certificate.is_authority:
        raise InvalidConfiguration("--authority", "is no CA's certificate")
    return OwnCertificates(Authority(certificate, keys.decode(found.key)))


def read_anchor(path: Path) -> bytes:
    """Read a PEM file of one certificate as DER; raise InvalidConfiguration."""
    text = _read("--server-ca", path)
    try:
        (anchor,) = pem.parse_certificates(text)
        return certificates.parse(anchor).der
    except (InvalidInput, ValueError) as error:
        raise InvalidConfiguration(
            "--server-ca", "is no PEM of a certificate"
        ) from error


def _read_certified(option: str, path: Path) -> CertifiedKey:
    text = _read(option, path)
    try:
        key = keys.encode(authorities.parse_key(text))
        return certified(tuple(pem.parse_certificates(text)), key)
    except IndexError as error:
        raise InvalidConfiguration(option, f"has no certificate: {path}") from error
    except InvalidInput as error:
        raise InvalidConfiguration(option, f"cannot be used: {error}") from error


def _read(option: str, path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfiguration(option, f"cannot be read: {error}") from error


def _hex(option: str, text: str) -> bytes:
    try:
        decoded = bytes.fromhex(text)
    except ValueError:
        decoded = b""
    if not decoded:
        raise InvalidConfiguration(option, "has a key that is no hex")
    return decoded
