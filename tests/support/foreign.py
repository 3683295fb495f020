"""Certificates as factories and customers make them, well or badly."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from homeport.pki import der, pem, subjects
from homeport.pki.subjects import Subject

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)

_ECDSA = bytes.fromhex("300a06082a8648ce3d040302")
_ECDSA_WITH_NULL = bytes.fromhex("300c06082a8648ce3d0403020500")


@dataclass(frozen=True)
class Holder:
    """A certificate and its key; made by `certify`."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        return pem.build(pem.CERTIFICATE, self.der)


def certify(
    subject: Subject,
    issuer: Holder | None = None,
    *,
    ca: bool = False,
    curve: ec.EllipticCurve | None = None,
    digest: hashes.HashAlgorithm | None = None,
    usage: x509.KeyUsage | None = None,
    names_key: x509.SubjectKeyIdentifier | None = None,
    not_before: datetime = NOW - timedelta(days=1),
    not_after: datetime = NOW + timedelta(days=30),
) -> Holder:
    """Make a certificate; without an issuer it signs itself."""
    key = ec.generate_private_key(curve or ec.SECP256R1())
    name = subjects.build(subject)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(True, None), True)
    else:
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False
        )
    if usage is not None:
        builder = builder.add_extension(usage, True)
    if names_key is not None:
        builder = builder.add_extension(names_key, False)
    signed = builder.sign(issuer.key if issuer else key, digest or hashes.SHA256())
    return Holder(signed, key)


def authority(name: str = "Factory", issuer: Holder | None = None) -> Holder:
    """Make a CA."""
    return certify(Subject(common_name=name), issuer, ca=True)


def with_null(holder: Holder, issuer: Holder) -> bytes:
    """Write a certificate again as Mbed TLS would, with its explicit NULLs."""
    content, *_ = der.children(holder.der)
    signed = der.sequence(
        *(
            _ECDSA_WITH_NULL if part == _ECDSA else part
            for part in der.children(content)
        )
    )
    signature = issuer.key.sign(signed, ec.ECDSA(hashes.SHA256()))
    bits = bytes([0x03, len(signature) + 1, 0]) + signature
    return der.sequence(signed, _ECDSA_WITH_NULL, bits)
