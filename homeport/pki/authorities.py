"""The certificate authorities that are ours: one for servers, one for devices.

Devices may start with their clock at 1970 (TLS-15), so what servers show them is dated
from then on (B-071). What we write takes at most 1024 bytes in DER (B-068).
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID

from homeport.errors import InvalidFormat, InvalidParameter
from homeport.pki import certificates, keys, pem, subjects
from homeport.pki.certificates import Certificate
from homeport.pki.keys import CertifiedKey, PrivateKey
from homeport.pki.subjects import Subject

LARGEST = 1024
"""Bytes of a certificate in DER that devices take (TLS-9)."""

BACKDATED = timedelta(days=1)
"""How long before its making a certificate is valid: clocks differ (B-070)."""

_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC), datetime(2049, 12, 31, tzinfo=UTC)
_ISSUER_LIFE = timedelta(days=20 * 365 + 5)
_LARGEST_SUBJECT = 256
_LONGEST_COMMON_NAME = 64


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA that can sign, ready for use."""

    certificate: Certificate
    key: PrivateKey = field(repr=False)

    @classmethod
    def load(cls, exported: CertifiedKey) -> "Authority":
        """Load what `export` returned; raise InvalidFormat."""
        certificate = certificates.parse(exported.certificate)
        return cls(certificate, keys.decode(exported.key))

    def export(self) -> CertifiedKey:
        """Return what can be stored; its key has to be sealed."""
        return CertifiedKey(self.certificate.der, keys.encode(self.key))

    def sign(self, builder: x509.CertificateBuilder) -> bytes:
        """Sign a certificate and return its DER."""
        identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
            _identifier(self.certificate)
        )
        named = builder.issuer_name(self.certificate.name)
        identified = named.add_extension(identifier, critical=False)
        return identified.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)


def create_root(name: str) -> Authority:
    """Make the CA of our servers; devices are told to trust it."""
    not_before, not_after = _ALWAYS
    return _create(name, not_before, not_after)


def create_issuer(name: str, *, now: datetime) -> Authority:
    """Make the CA of the certificates that bootstrap hands out, for 20 years."""
    return _create(name, now - BACKDATED, now + _ISSUER_LIFE)


def create_server(root: Authority, hosts: Sequence[str]) -> CertifiedKey:
    """Make the certificate of a server and its key.

    ``hosts`` are the DNS names and IP addresses that devices reach it by, at least one.
    Raises InvalidParameter for one that is neither, and for too many of them.
    """
    key = keys.generate()
    not_before, not_after = _ALWAYS
    builder = (
        x509.CertificateBuilder()
        .subject_name(
            subjects.build(Subject(common_name=hosts[0][:_LONGEST_COMMON_NAME]))
        )
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(
            x509.SubjectAlternativeName([_general_name(host) for host in hosts]),
            critical=False,
        )
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
    )
    certificate = root.sign(builder)
    if len(certificate) > LARGEST:
        raise InvalidParameter(
            "hosts",
            f"take a certificate of {len(certificate)} bytes, more than {LARGEST}",
        )
    return CertifiedKey(certificate, keys.encode(key))


def bridge(root: Certificate, *, former: Authority) -> bytes:
    """Certify a root by the one that it follows; return the DER.

    A server that shows it behind its own certificate is believed by devices that know
    only the former root (RFC 4210 §4.4, "new with old").
    """
    new, old = root.parsed, former.certificate.parsed
    builder = (
        x509.CertificateBuilder()
        .subject_name(root.name)
        .public_key(new.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(max(new.not_valid_before_utc, old.not_valid_before_utc))
        .not_valid_after(min(new.not_valid_after_utc, old.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_signs_certificates(), critical=True)
        .add_extension(_identifier(root), critical=False)
    )
    return former.sign(builder)


def parse(certificate: str, private_key: str, *, now: datetime) -> Authority:
    """Parse a CA that somebody brings: the PEM of its certificate and of its key.

    Raises InvalidParameter that says what is wrong, and never repeats the key.
    """
    authority = Authority(parse_certificate(certificate), parse_key(private_key))
    parsed = authority.certificate.parsed
    if parsed.public_key() != authority.key.public_key():
        raise InvalidParameter("private_key", "is not the certificate's")
    if not parsed.not_valid_before_utc <= now <= parsed.not_valid_after_utc:
        raise InvalidParameter("certificate", "is not valid now")
    return authority


def _create(name: str, not_before: datetime, not_after: datetime) -> Authority:
    key = keys.generate()
    subject = subjects.build(Subject(common_name=name))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_signs_certificates(), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    return Authority(certificates.parse(certificate.public_bytes(Encoding.DER)), key)


def _identifier(authority: Certificate) -> x509.SubjectKeyIdentifier:
    """Return what names an authority's key, in its own words if it has any."""
    with certificates.reading():
        try:
            return authority.parsed.extensions.get_extension_for_class(
                x509.SubjectKeyIdentifier
            ).value
        except x509.ExtensionNotFound:
            public_key = authority.parsed.public_key()
            return x509.SubjectKeyIdentifier.from_public_key(public_key)


def _signs_certificates() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return x509.DNSName(host)
    except ValueError as error:
        raise InvalidParameter("hosts", f"name {host!a}, which is no host") from error


def parse_certificate(text: str) -> Certificate:
    """Parse the PEM of a CA that somebody brings; raise InvalidParameter."""
    try:
        documents = pem.parse_certificates(text)
        if len(documents) != 1:
            raise InvalidParameter("certificate", "is not the PEM of one certificate")
        if len(documents[0]) > LARGEST:
            raise InvalidParameter("certificate", f"has more than {LARGEST} bytes")
        certificate = certificates.parse(documents[0])
        with certificates.reading():
            _require_authority(certificate)
    except InvalidFormat as error:
        raise InvalidParameter(
            "certificate", f"cannot be used: {error.format_name} {error.reason}"
        ) from error
    return certificate


def _require_authority(certificate: Certificate) -> None:
    keys.require_public(certificate.parsed.public_key())
    algorithm = certificate.parsed.signature_algorithm_oid
    if algorithm != SignatureAlgorithmOID.ECDSA_WITH_SHA256:
        raise InvalidParameter("certificate", "is not signed with ECDSA and SHA-256")
    if not certificate.is_authority:
        raise InvalidParameter("certificate", "is not that of a CA")
    is_root = certificate.subject_digest == certificate.issuer_digest
    if is_root and not certificate.is_signed_by(certificate):
        raise InvalidParameter("certificate", "has a wrong signature")
    if len(certificate.name.public_bytes()) > _LARGEST_SUBJECT:
        raise InvalidParameter(
            "certificate", f"has a subject of more than {_LARGEST_SUBJECT} bytes"
        )


def parse_key(text: str) -> PrivateKey:
    """Parse the PEM of a private key; raise InvalidParameter without repeating it."""
    try:
        return keys.require_private(load_pem_private_key(text.encode(), None))
    except InvalidFormat as error:
        raise InvalidParameter("private_key", error.reason) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidParameter("private_key", "is no PEM in clear") from error
