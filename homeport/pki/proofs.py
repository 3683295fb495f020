"""Proving that one holds the key of a CA: a text is signed with it (B-036).

Everybody may upload a CA's certificate, which is public. The text names the account, so
a signature is of no use to another one.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from homeport.names import AccountId
from homeport.pki import certificates


def text(account: AccountId, fingerprint: str) -> str:
    """Return what has to be signed with the key of a CA, in ASCII without line end."""
    return f"Homeport account {account} holds the key of {fingerprint}"


def proves(signature: bytes, *, account: AccountId, certificate: bytes) -> bool:
    """Say whether a signature, made with SHA-256, is that of a CA's key.

    ``certificate`` is the CA's in DER. ECDSA, and RSA with PKCS #1 v1.5, are taken.
    Raises InvalidFormat for a broken certificate.
    """
    found = certificates.parse(certificate)
    signed = text(account, found.fingerprint).encode()
    with certificates.reading():
        key = found.parsed.public_key()
    try:
        match key:
            case ec.EllipticCurvePublicKey():
                key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
            case rsa.RSAPublicKey():
                key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
            case _:
                return False
    except InvalidSignature:
        return False
    return True
