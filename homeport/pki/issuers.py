"""Whose certificates are ours: the issuer's that signs, and former ones' (B-040)."""

from homeport.pki import certificates
from homeport.pki.certificates import Certificate
from homeport.pki.installation import Installation


class Issuers:
    """The issuers of an installation, found by what a certificate says of its own.

    That it really is the issuer's, the handshake proves.
    """

    def __init__(self, installation: Installation) -> None:
        self._trusted: dict[str, list[Certificate]] = {}
        for document in installation.issuers:
            issuer = certificates.parse(document)
            self._trusted.setdefault(issuer.subject_digest, []).append(issuer)
        self._known = {*self._trusted, *installation.withdrawn}

    @property
    def fingerprints(self) -> frozenset[str]:
        """Those whose certificates are good, by the SHA-256 of their own."""
        return frozenset(
            issuer.fingerprint for found in self._trusted.values() for issuer in found
        )

    def know(self, subject: str) -> bool:
        """Say whether an issuer, also a withdrawn one, is called so, by its digest."""
        return subject in self._known

    def find(self, subject: str, certificate: bytes) -> Certificate | None:
        """Return the issuer of a certificate; nothing where it has been withdrawn.

        ``subject`` is the digest of what it says its issuer is called. Of several that
        are called so it is the one whose key made the signature. Raises InvalidFormat.
        """
        found = self._trusted.get(subject)
        if found is None:
            return None
        if len(found) == 1:
            return found[0]
        parsed = certificates.parse(certificate)
        return next((each for each in found if parsed.is_signed_by(each)), found[0])
