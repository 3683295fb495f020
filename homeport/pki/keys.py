"""Private keys on P-256, the one curve that every device here can use (TLS-7)."""

from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from homeport.errors import InvalidFormat

PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class CertifiedKey:
    """A certificate in DER and the private key that it certifies, PKCS#8 in DER."""

    certificate: bytes
    key: bytes = field(repr=False)


def generate() -> PrivateKey:
    """Make a private key."""
    return ec.generate_private_key(ec.SECP256R1())


def encode(key: PrivateKey) -> bytes:
    """Encode a private key as PKCS#8, in clear (B-069)."""
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def decode(pkcs8: bytes) -> PrivateKey:
    """Decode a private key; raise InvalidFormat for any other than of P-256."""
    try:
        key = serialization.load_der_private_key(pkcs8, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidFormat("private key", "is no PKCS#8 in clear") from error
    return require_private(key)


def require_private(key: object) -> PrivateKey:
    """Let a private key of P-256 pass; raise InvalidFormat for any other."""
    if isinstance(key, PrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise InvalidFormat("private key", "is not on P-256")


def require_public(key: object) -> PublicKey:
    """Let a public key of P-256 pass; raise InvalidFormat for any other."""
    if isinstance(key, PublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise InvalidFormat("public key", "is not on P-256")
