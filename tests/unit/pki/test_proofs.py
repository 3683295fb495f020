"""Whoever signs the text with a CA's key holds that key."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding

from homeport.pki import certificates, proofs
from tests.support.directory import ACCOUNT, OTHER_ACCOUNT, new_ca

NOW = datetime(2026, 11, 25, tzinfo=UTC)
CA = new_ca()
TEXT = proofs.text(ACCOUNT, CA.certificate.fingerprint).encode()
RSA = rsa.generate_private_key(65537, 2048)


def certificate(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    """Make a certificate of another kind of key."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
    )
    return builder.sign(CA.key, SHA256()).public_bytes(Encoding.DER)


def test_a_signature_with_the_key_proves_it() -> None:
    signature = CA.key.sign(TEXT, ec.ECDSA(SHA256()))
    assert proofs.proves(signature, account=ACCOUNT, certificate=CA.certificate.der)


def test_an_rsa_key_proves_itself_too() -> None:
    document = certificate(RSA)
    text = proofs.text(ACCOUNT, certificates.fingerprint(document)).encode()
    signature = RSA.sign(text, PKCS1v15(), SHA256())
    assert proofs.proves(signature, account=ACCOUNT, certificate=document)
    assert not proofs.proves(signature[::-1], account=ACCOUNT, certificate=document)


@pytest.mark.conforms("C-223", "CVE-2022-21449")
@pytest.mark.parametrize(
    "signature",
    [
        b"",
        bytes(70),
        encode_dss_signature(0, 0),
        encode_dss_signature(0, 1),
        encode_dss_signature(1, 0),
        CA.key.sign(TEXT, ec.ECDSA(SHA384())),
        CA.key.sign(TEXT + b"\n", ec.ECDSA(SHA256())),
        new_ca().key.sign(TEXT, ec.ECDSA(SHA256())),
    ],
    ids=[
        *("none", "zeros", "both zero", "r zero", "s zero"),
        *("another hash", "another text", "another key"),
    ],
)
def test_any_other_signature_proves_nothing(signature: bytes) -> None:
    assert not proofs.proves(signature, account=ACCOUNT, certificate=CA.certificate.der)


def test_a_signature_for_one_account_proves_nothing_to_another() -> None:
    signature = CA.key.sign(TEXT, ec.ECDSA(SHA256()))
    assert not proofs.proves(
        signature, account=OTHER_ACCOUNT, certificate=CA.certificate.der
    )


def test_another_kind_of_key_proves_nothing() -> None:
    document = certificate(ed25519.Ed25519PrivateKey.generate())
    assert not proofs.proves(bytes(64), account=ACCOUNT, certificate=document)
