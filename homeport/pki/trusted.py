"""The CAs that accounts trust, and the chains that devices show for themselves.

What a device shows is read before it has proved anything: the names in it say where to
look, never who it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from homeport.errors import InvalidFormat, InvalidParameter
from homeport.pki import certificates, pem
from homeport.pki.certificates import Certificate
from homeport.pki.subjects import Subject

LARGEST_TEXT = 16 * 1024
"""Characters of an upload."""

MOST_CERTIFICATES = 5
"""Certificates in an upload, from root to leaf."""

DEEPEST = 4
"""Certificates that a device may show."""

_PARAMETER = "certificate"


@dataclass(frozen=True, slots=True)
class TrustedCertificate:
    """A CA that an account uploaded (R-66).

    ``subject`` and ``issuer`` are texts of RFC 4514; ``subject_digest`` is what the CA
    is looked up by, the SHA-256 of its subject in DER.
    """

    certificate: bytes
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    fingerprint: str
    subject_digest: str


@dataclass(frozen=True, slots=True)
class Presented:
    """What a device's chain says of itself, not proved by anything.

    ``issuers`` are subject digests of all that are named as issuers, the device's own
    first; ``expires`` is in milliseconds since 1970.
    """

    subject: Subject
    issuers: tuple[str, ...]
    expires: int
    fingerprint: str


def parse(text: str) -> TrustedCertificate:
    """Parse an upload: PEM, from root to leaf; the last one is what is trusted (R-65).

    Raises InvalidParameter that says what is wrong.
    """
    if len(text) > LARGEST_TEXT:
        raise InvalidParameter(_PARAMETER, f"has more than {LARGEST_TEXT} characters")
    try:
        chain = [certificates.parse(each) for each in pem.parse_certificates(text)]
        _require_chain(chain)
        return describe(chain[-1])
    except InvalidFormat as error:
        raise InvalidParameter(_PARAMETER, f"is broken: {error.reason}") from error


def read_chain(chain: Sequence[bytes]) -> Presented:
    """Read what a device shows in a handshake, in DER, its own certificate first.

    Raises InvalidFormat for what is no certificate, for none and for too many.
    """
    if not 1 <= len(chain) <= DEEPEST:
        raise InvalidFormat("chain", f"has {len(chain)} certificates, not 1 to 4")
    shown = [certificates.parse(each) for each in chain]
    leaf = shown[0]
    return Presented(
        subject=leaf.subject,
        issuers=tuple(dict.fromkeys(each.issuer_digest for each in shown)),
        expires=leaf.expires,
        fingerprint=leaf.fingerprint,
    )


def _require_chain(chain: Sequence[Certificate]) -> None:
    if not 1 <= len(chain) <= MOST_CERTIFICATES:
        raise InvalidParameter(
            _PARAMETER, f"has {len(chain)} certificates, not 1 to {MOST_CERTIFICATES}"
        )
    root = chain[0]
    if root.subject_digest == root.issuer_digest and not root.is_signed_by(root):
        raise InvalidParameter(_PARAMETER, "has a root with a wrong signature")
    for number, (issuer, issued) in enumerate(pairwise(chain), start=2):
        if not issued.is_signed_by(issuer):
            raise InvalidParameter(
                _PARAMETER, f"number {number} is not issued by the one before it"
            )
    if not chain[-1].is_authority:
        raise InvalidParameter(_PARAMETER, "is not that of a CA")


def describe(certificate: Certificate) -> TrustedCertificate:
    """Say what a certificate says of itself; raise InvalidFormat."""
    with certificates.reading():
        parsed = certificate.parsed
        return TrustedCertificate(
            certificate=certificate.der,
            subject=certificate.name.rfc4514_string(),
            issuer=parsed.issuer.rfc4514_string(),
            not_before=parsed.not_valid_before_utc,
            not_after=parsed.not_valid_after_utc,
            fingerprint=certificate.fingerprint,
            subject_digest=certificate.subject_digest,
        )
