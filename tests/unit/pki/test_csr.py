"""What devices ask to have certified, Izuma's own peculiarity included."""

import random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from homeport.coap import codec
from homeport.errors import InvalidFormat
from homeport.pki import csr, keys, subjects
from homeport.pki.subjects import Subject
from tests.support.captures import captures

SUBJECT = Subject("0199999999990000000000010010aaaa", "account", "kitchen")
KEY = keys.generate()

CAPTURED = next(
    message.payload
    for message in (
        codec.decode(each.datagram)
        for each in captures()["izuma-udp-bootstrap-est"]
        if each.sender == "device"
    )
    if len(message.payload) == 322
)
"""EST-2: of a real device, with the explicit NULL of EST-4."""


def request(
    key: ec.EllipticCurvePrivateKey = KEY,
    digest: hashes.HashAlgorithm | None = None,
) -> bytes:
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subjects.build(SUBJECT))
        .sign(key, digest or hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


@pytest.mark.conforms("C-026", "EST-4")
def test_a_captured_request_is_understood() -> None:
    parsed = csr.parse(CAPTURED)
    assert parsed.subject == Subject(
        locality="0199999999990000000000010010aaaa",
        organizational_unit="0158778f9f1002420a014c1100000000",
        common_name="01865aa7c8d8da55134c38ba03c00000",
    )
    point = parsed.key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert point in CAPTURED


def test_a_request_as_others_write_it_is_understood() -> None:
    parsed = csr.parse(request())
    assert parsed.subject == SUBJECT
    assert parsed.key == KEY.public_key()


@pytest.mark.parametrize("position", [200, 321])
def test_a_request_whose_signature_is_wrong_is_refused(position: int) -> None:
    changed = bytearray(CAPTURED)
    changed[position] ^= 1
    with pytest.raises(InvalidFormat):
        csr.parse(bytes(changed))


@pytest.mark.conforms("C-027", "B-072")
def test_a_request_for_another_name_is_not_signed() -> None:
    changed = CAPTURED.replace(b"01865aa7", b"11865aa7")
    with pytest.raises(InvalidFormat, match="signing request: has a wrong signature"):
        csr.parse(changed)


def test_a_key_on_another_curve_is_refused() -> None:
    with pytest.raises(InvalidFormat, match="not on P-256"):
        csr.parse(request(ec.generate_private_key(ec.SECP384R1())))


def test_another_digest_is_refused() -> None:
    with pytest.raises(InvalidFormat, match="ECDSA and SHA-256"):
        csr.parse(request(digest=hashes.SHA384()))


def test_a_large_request_is_refused() -> None:
    with pytest.raises(InvalidFormat, match="more than 1024 bytes"):
        csr.parse(CAPTURED + bytes(1024))


def test_bytes_behind_a_request_are_refused() -> None:
    with pytest.raises(InvalidFormat):
        csr.parse(CAPTURED + b"\x00")


@given(st.binary(max_size=100))
def test_other_bytes_are_refused(document: bytes) -> None:
    with pytest.raises(InvalidFormat):
        csr.parse(document)


@given(st.integers(), st.integers(1, 3))
@pytest.mark.conforms("C-205")
def test_a_broken_request_is_refused(seed: int, changes: int) -> None:
    dice = random.Random(seed)
    document = bytearray(dice.choice([CAPTURED, request()]))
    for position in dice.sample(range(len(document)), changes):
        document[position] ^= dice.randrange(1, 256)
    with pytest.raises(InvalidFormat):
        csr.parse(bytes(document))


def test_the_answer_is_certificates_with_their_lengths() -> None:
    assert csr.build_reply([b"leaf", bytes(300)]) == (
        bytes.fromhex("01 02 0004") + b"leaf" + bytes.fromhex("012c") + bytes(300)
    )
