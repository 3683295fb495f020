"""Certificate signing requests, and what a device that sent one is answered (EST-3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import SignatureAlgorithmOID

from homeport.errors import InvalidFormat
from homeport.pki import certificates, keys, subjects
from homeport.pki.keys import PublicKey
from homeport.pki.subjects import Subject

LARGEST = 1024
"""Bytes of a request that are taken; Izuma's has 322."""

_WHAT = "signing request"
_VERSION = b"\x01"


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """Whose certificate a device asks for; it holds the private key of ``key``."""

    subject: Subject
    key: PublicKey


def parse(document: bytes) -> SigningRequest:
    """Parse a PKCS#10 request in DER and verify its signature.

    Its signature algorithm may carry an explicit NULL (EST-4). Raises InvalidFormat for
    what is broken, not signed by its own key, or neither P-256 nor SHA-256.
    """
    if len(document) > LARGEST:
        raise _invalid(f"has more than {LARGEST} bytes")
    with certificates.reading(_WHAT):
        request = x509.load_der_x509_csr(certificates.plain(document))
        if request.signature_algorithm_oid != SignatureAlgorithmOID.ECDSA_WITH_SHA256:
            raise _invalid("is not signed with ECDSA and SHA-256")
        key = keys.require_public(request.public_key())
        if not request.is_signature_valid:
            raise _invalid("has a wrong signature")
        return SigningRequest(subjects.read(request.subject), key)


def build_reply(chain: Sequence[bytes]) -> bytes:
    """Build what a device is answered: certificates, its own first (EST-5).

    A version, their number, and each with its length in two bytes.
    """
    parts = (len(each).to_bytes(2, "big") + each for each in chain)
    return _VERSION + bytes([len(chain)]) + b"".join(parts)


def _invalid(reason: str) -> InvalidFormat:
    return InvalidFormat(_WHAT, reason)
