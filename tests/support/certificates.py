"""Certificates for tests: a small authority, and what it signs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from homeport.dtls.context import CertifiedKey

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA that signs with P-256 and SHA-256."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def issue(
        self,
        name: str,
        *,
        unit: str = "",
        usage: x509.ObjectIdentifier = CLIENT,
        not_before: datetime = NOW - DAY,
        not_after: datetime = NOW + DAY,
        above: Sequence[bytes] = (),
        padding: int = 0,
    ) -> CertifiedKey:
        """Sign one; ``above`` is more of its chain, ``padding`` its ballast.

        ``unit`` is its OU, if it has one.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject, issuer = _name(name, unit), self.certificate.subject
        builder = _builder(subject, issuer, key, not_before, not_after)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if padding:
            ballast = x509.UnrecognizedExtension(
                x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), bytes(padding)
            )
            builder = builder.add_extension(ballast, critical=False)
        signed = builder.sign(self.key, SHA256())
        return _certified(signed, key, above)


def authority(name: str = "Test CA") -> Authority:
    """Make a CA that signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = _name(name)
    builder = _builder(issuer, issuer, key, NOW - DAY, NOW + DAY).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    return Authority(builder.sign(key, SHA256()), key)


def self_signed(name: str) -> CertifiedKey:
    """Make what a developer certificate is: its own CA (TLS-11)."""
    made = authority(name)
    return _certified(made.certificate, made.key, ())


def _certified(
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    above: Sequence[bytes],
) -> CertifiedKey:
    der = certificate.public_bytes(serialization.Encoding.DER)
    return CertifiedKey(
        (der, *above),
        key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    not_before: datetime,
    not_after: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )


def _name(name: str, unit: str = "") -> x509.Name:
    parts = {NameOID.ORGANIZATIONAL_UNIT_NAME: unit, NameOID.COMMON_NAME: name}
    return x509.Name(x509.NameAttribute(*part) for part in parts.items() if part[1])
