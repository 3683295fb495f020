"""Keys are P-256 and travel as PKCS#8."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidFormat
from homeport.pki import keys
from homeport.pki.keys import CertifiedKey

FOREIGN = (
    ec.generate_private_key(ec.SECP384R1()),
    ed25519.Ed25519PrivateKey.generate(),
    rsa.generate_private_key(65537, 2048),
)


def test_a_key_decodes_to_itself() -> None:
    key = keys.generate()
    decoded = keys.decode(keys.encode(key))
    assert decoded.private_numbers() == key.private_numbers()


@pytest.mark.parametrize("key", FOREIGN, ids=["P-384", "Ed25519", "RSA"])
def test_a_key_of_another_kind_is_refused(key: ec.EllipticCurvePrivateKey) -> None:
    encoded = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(InvalidFormat, match="not on P-256"):
        keys.decode(encoded)
    with pytest.raises(InvalidFormat, match="not on P-256"):
        keys.require_public(key.public_key())


def test_an_encrypted_key_is_refused() -> None:
    encoded = keys.generate().private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )
    with pytest.raises(InvalidFormat, match="in clear"):
        keys.decode(encoded)


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(InvalidFormat, match="private key"):
        keys.decode(content)


def test_a_certified_key_never_shows_its_key() -> None:
    assert "secret" not in repr(CertifiedKey(b"", b"secret"))
