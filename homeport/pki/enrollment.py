"""The enrollment identity, by which somebody claims a device (B-135)."""


def identity(fingerprint: str) -> str:
    """Return the enrollment identity of a bootstrap certificate.

    ``fingerprint`` is the certificate's SHA-256, 64 hex characters.
    """
    return f"A-{bytes.fromhex(fingerprint).hex(':')}"
