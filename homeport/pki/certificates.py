"""Certificates that others made, as devices and people bring them along.

Some are refused by ``cryptography`` and yet valid for OpenSSL and in the field: Mbed
TLS, which many factories and Izuma's client sign with, writes an explicit NULL behind
``ecdsa-with-SHA256`` (EST-4), and names may be longer than the library likes.
"""

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from homeport.errors import InvalidFormat
from homeport.pki import der, subjects
from homeport.pki.subjects import Subject

_WITH_NULL = bytes.fromhex("300c 06082a8648ce3d040302 0500")
_WITHOUT_NULL = bytes.fromhex("300a 06082a8648ce3d040302")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate: ``der`` as it came, ``parsed`` without its explicit NULLs."""

    der: bytes
    parsed: x509.Certificate

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the certificate, 64 hex characters."""
        return fingerprint(self.der)

    @property
    def name(self) -> x509.Name:
        """The whole subject."""
        with reading():
            return self.parsed.subject

    @property
    def subject_digest(self) -> str:
        """The SHA-256 of the subject in DER, in hex: what a look-up for a CA asks for.

        A CA's subject is encoded the same way in what it issues (RFC 5280 §4.1.2.6).
        """
        return _digest(self.name)

    @property
    def issuer_digest(self) -> str:
        """The `subject_digest` of whoever issued it."""
        with reading():
            return _digest(self.parsed.issuer)

    @property
    def subject(self) -> Subject:
        """The names that say who a device is."""
        return subjects.read(self.name)

    @property
    def expires(self) -> int:
        """The last second of its validity, in milliseconds since 1970."""
        with reading():
            return int(self.parsed.not_valid_after_utc.timestamp()) * 1000

    @property
    def is_authority(self) -> bool:
        """Whether it may issue certificates (RFC 5280 §4.2.1.3, §4.2.1.9)."""
        with reading():
            return may_issue(self.parsed)

    def is_signed_by(self, issuer: "Certificate") -> bool:
        """Whether the issuer names itself so, and its key made the signature."""
        if self.issuer_digest != issuer.subject_digest:
            return False
        signed, *_ = der.children(self.der)
        with reading():
            return _verifies(self.parsed, signed, issuer.parsed)


def parse(document: bytes) -> Certificate:
    """Parse a certificate in DER; raise InvalidFormat, as its properties do."""
    with reading():
        return Certificate(document, x509.load_der_x509_certificate(plain(document)))


def fingerprint(document: bytes) -> str:
    """Return the SHA-256 of a certificate in DER, 64 hex characters."""
    return hashlib.sha256(document).hexdigest()


def may_issue(certificate: x509.Certificate) -> bool:
    """Say whether a certificate is that of a CA, which may sign certificates."""
    found = {type(each.value): each.value for each in certificate.extensions}
    usage = found.get(x509.KeyUsage)
    if isinstance(usage, x509.KeyUsage) and not usage.key_cert_sign:
        return False
    constraints = found.get(x509.BasicConstraints)
    return isinstance(constraints, x509.BasicConstraints) and constraints.ca


def plain(signed: bytes) -> bytes:
    """Drop explicit NULLs of signature algorithms from a certificate or a request.

    A request's signature still verifies, a certificate's does not: they are signed.
    """
    if _WITH_NULL not in signed:
        return signed
    content, *rest = der.children(signed)
    return der.sequence(
        der.sequence(*map(_plain, der.children(content))), *map(_plain, rest)
    )


@contextmanager
def reading(what: str = "certificate") -> Iterator[None]:
    """Turn what ``cryptography`` says of broken documents into InvalidFormat."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (
            ValueError,
            TypeError,
            UnsupportedAlgorithm,
            x509.InvalidVersion,
            x509.DuplicateExtension,
            x509.UnsupportedGeneralNameType,
        ) as error:
            raise InvalidFormat(what, str(error)) from error


def _plain(part: bytes) -> bytes:
    return _WITHOUT_NULL if part == _WITH_NULL else part


def _digest(name: x509.Name) -> str:
    return hashlib.sha256(name.public_bytes()).hexdigest()


def _verifies(
    certificate: x509.Certificate, signed: bytes, issuer: x509.Certificate
) -> bool:
    algorithm = certificate.signature_hash_algorithm
    if algorithm is None:
        return False
    try:
        match issuer.public_key():
            case ec.EllipticCurvePublicKey() as key:
                key.verify(certificate.signature, signed, ec.ECDSA(algorithm))
            case rsa.RSAPublicKey() as key:
                key.verify(certificate.signature, signed, padding.PKCS1v15(), algorithm)
            case _:
                return False
    except InvalidSignature:
        return False
    return True
