"""What an account may upload, and what a device's chain says of itself."""

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidFormat, InvalidParameter
from homeport.pki import pem, trusted
from homeport.pki.subjects import Subject
from tests.support.foreign import Holder, authority, certify, with_null

ROOT = authority("Root")
FACTORY = authority("Factory, Inc.", ROOT)
LEAF = certify(Subject("", "unit", "kitchen"), FACTORY)


def upload(*holders: Holder) -> str:
    return "".join(holder.pem for holder in holders)


def digest(holder: Holder) -> str:
    return hashlib.sha256(holder.certificate.subject.public_bytes()).hexdigest()


def test_the_last_of_an_upload_is_what_is_trusted() -> None:
    parsed = trusted.parse(upload(ROOT, FACTORY))
    assert parsed.certificate == FACTORY.der
    assert parsed.subject == r"CN=Factory\, Inc."
    assert parsed.issuer == "CN=Root"
    assert parsed.not_before == FACTORY.certificate.not_valid_before_utc
    assert parsed.not_after == FACTORY.certificate.not_valid_after_utc
    assert parsed.fingerprint == hashlib.sha256(FACTORY.der).hexdigest()
    assert parsed.subject_digest == digest(FACTORY)


@pytest.mark.parametrize("holder", [ROOT, FACTORY], ids=["root", "subordinate"])
def test_one_certificate_is_an_upload_too(holder: Holder) -> None:
    assert trusted.parse(upload(holder)).certificate == holder.der


def test_an_upload_may_carry_explicit_nulls() -> None:
    documents = with_null(ROOT, ROOT), with_null(FACTORY, ROOT)
    text = "".join(pem.build(pem.CERTIFICATE, each) for each in documents)
    assert trusted.parse(text).certificate == documents[1]


def test_an_upload_of_five_certificates_is_the_longest() -> None:
    chain = [ROOT]
    while len(chain) < 6:
        chain.append(authority(f"Level {len(chain)}", chain[-1]))
    assert trusted.parse(upload(*chain[:5])).subject == "CN=Level 4"
    with pytest.raises(InvalidParameter, match="has 6 certificates, not 1 to 5"):
        trusted.parse(upload(*chain))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has 0 certificates"),
        ("certificate", "has 0 certificates"),
        (upload(FACTORY, ROOT), "number 2 is not issued by the one before it"),
        (upload(ROOT, authority("Factory, Inc.")), "number 2 is not issued"),
        (upload(ROOT, FACTORY, LEAF), "is not that of a CA"),
        (pem.build(pem.CERTIFICATE, ROOT.der[:-1]), "is broken"),
        (ROOT.pem.replace("M", "?", 1), "has 0 certificates|is broken"),
        (
            pem.build(pem.CERTIFICATE, ROOT.der.replace(b"Root", b"root")),
            "has a root with a wrong signature",
        ),
        (" " * 16_385, "has more than 16384 characters"),
    ],
)
def test_an_upload_that_cannot_be_trusted_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidParameter, match=f"certificate ({reason})"):
        trusted.parse(text)


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match="certificate"):
        trusted.parse(text)


def test_a_chain_says_who_the_device_is_and_who_may_vouch_for_it() -> None:
    presented = trusted.read_chain([LEAF.der, FACTORY.der, ROOT.der])
    assert presented.subject == Subject("", "unit", "kitchen")
    assert presented.issuers == (digest(FACTORY), digest(ROOT))
    assert presented.fingerprint == hashlib.sha256(LEAF.der).hexdigest()
    expires = LEAF.certificate.not_valid_after_utc
    assert presented.expires == expires.timestamp() * 1000


def test_an_upload_is_found_by_what_a_chain_names() -> None:
    (issuer,) = trusted.read_chain([LEAF.der]).issuers
    assert issuer == trusted.parse(upload(FACTORY)).subject_digest


def test_a_chain_with_explicit_nulls_names_the_same() -> None:
    presented = trusted.read_chain([with_null(LEAF, FACTORY)])
    assert presented.issuers == (digest(FACTORY),)


@pytest.mark.parametrize("length", [0, 5])
def test_a_chain_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(InvalidFormat, match="certificates, not 1 to 4"):
        trusted.read_chain([LEAF.der] * length)


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4))
def test_a_chain_of_other_bytes_is_refused(chain: list[bytes]) -> None:
    with pytest.raises(InvalidFormat):
        trusted.read_chain(chain)


@given(st.integers(), st.integers(1, 3))
def test_a_broken_chain_is_read_or_refused(seed: int, changes: int) -> None:
    dice = random.Random(seed)
    broken = bytearray(LEAF.der)
    for _ in range(changes):
        broken[dice.randrange(len(broken))] = dice.randrange(256)
    for chain in ([bytes(broken), FACTORY.der], [LEAF.der, bytes(broken)]):
        try:
            presented = trusted.read_chain(chain)
        except InvalidFormat:
            continue
        assert 1 <= len(presented.issuers) <= 2
