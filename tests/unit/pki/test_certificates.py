"""Certificates that others made are read as OpenSSL would take them."""

import hashlib
import random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidFormat
from homeport.pki import certificates
from homeport.pki.certificates import Certificate
from homeport.pki.subjects import Subject
from tests.support.foreign import Holder, authority, certify, with_null

FACTORY = authority()
LEAF = certify(Subject("", "unit", "kitchen"), FACTORY)


def parsed(holder: Holder) -> Certificate:
    return certificates.parse(holder.der)


def usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(True, False, False, False, False, signs, False, False, False)


def test_what_is_known_of_a_certificate() -> None:
    leaf = parsed(LEAF)
    assert leaf.subject == Subject("", "unit", "kitchen")
    assert leaf.fingerprint == hashlib.sha256(LEAF.der).hexdigest()
    name = FACTORY.certificate.subject.public_bytes()
    assert leaf.issuer_digest == hashlib.sha256(name).hexdigest()
    assert leaf.issuer_digest == parsed(FACTORY).subject_digest
    assert leaf.expires == LEAF.certificate.not_valid_after_utc.timestamp() * 1000


def test_an_issuer_is_known_by_its_signature() -> None:
    assert parsed(LEAF).is_signed_by(parsed(FACTORY))
    assert parsed(FACTORY).is_signed_by(parsed(FACTORY))


def test_an_issuer_of_the_same_name_with_another_key_is_not_it() -> None:
    assert not parsed(LEAF).is_signed_by(parsed(authority()))


def test_an_issuer_with_the_same_key_under_another_name_is_not_it() -> None:
    renamed = certify(Subject(common_name="Other"), FACTORY)
    stranger = Holder(renamed.certificate, FACTORY.key)
    assert not parsed(LEAF).is_signed_by(parsed(stranger))


def test_a_changed_certificate_is_not_signed() -> None:
    changed = LEAF.der.replace(b"kitchen", b"kitchin")
    assert not certificates.parse(changed).is_signed_by(parsed(FACTORY))


def test_an_issuer_may_be_on_another_curve() -> None:
    issuer = certify(Subject(common_name="Big"), ca=True, curve=ec.SECP384R1())
    assert parsed(certify(Subject(), issuer)).is_signed_by(parsed(issuer))


def test_an_explicit_null_is_passed_over() -> None:
    document = with_null(LEAF, FACTORY)
    with pytest.raises(ValueError, match="signature_alg"):
        x509.load_der_x509_certificate(document)
    leaf = certificates.parse(document)
    assert leaf.subject == parsed(LEAF).subject
    assert leaf.fingerprint == hashlib.sha256(document).hexdigest()
    assert leaf.is_signed_by(parsed(FACTORY))


def test_a_changed_certificate_with_an_explicit_null_is_not_signed() -> None:
    document = with_null(LEAF, FACTORY).replace(b"kitchen", b"kitchin")
    assert not certificates.parse(document).is_signed_by(parsed(FACTORY))


def test_a_ca_is_known_by_its_extensions() -> None:
    assert parsed(FACTORY).is_authority
    assert not parsed(LEAF).is_authority
    signing = certify(Subject(), ca=True, usage=usage(signs=True))
    assert parsed(signing).is_authority
    not_signing = certify(Subject(), ca=True, usage=usage(signs=False))
    assert not parsed(not_signing).is_authority


@given(st.binary(max_size=100))
def test_other_bytes_are_refused(document: bytes) -> None:
    with pytest.raises(InvalidFormat):
        certificates.parse(document)


@given(st.integers(), st.integers(1, 3))
def test_a_broken_certificate_is_read_or_refused(seed: int, changes: int) -> None:
    dice = random.Random(seed)
    document = bytearray(dice.choice([FACTORY.der, with_null(LEAF, FACTORY)]))
    for _ in range(changes):
        document[dice.randrange(len(document))] = dice.randrange(256)
    try:
        broken = certificates.parse(bytes(document))
        _ = broken.subject, broken.issuer_digest, broken.expires
        _ = broken.is_authority, broken.is_signed_by(broken)
    except InvalidFormat:
        return


@given(st.integers(0, 2000))
def test_a_certificate_that_breaks_off_is_refused(length: int) -> None:
    for document in (LEAF.der, with_null(LEAF, FACTORY)):
        with pytest.raises(InvalidFormat):
            certificates.parse(document[: length % len(document)])
