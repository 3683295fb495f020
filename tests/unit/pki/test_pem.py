"""PEM is what everybody else reads and writes."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidFormat
from homeport.pki import pem
from tests.support.foreign import authority


def test_a_certificate_is_written_as_others_write_it() -> None:
    ca = authority()
    assert pem.build(pem.CERTIFICATE, ca.der).encode() == ca.certificate.public_bytes(
        Encoding.PEM
    )
    assert x509.load_pem_x509_certificate(ca.pem.encode()) == ca.certificate


@given(st.lists(st.binary(max_size=100), max_size=3))
def test_certificates_come_back_in_order(documents: list[bytes]) -> None:
    text = "a bundle\n".join(pem.build(pem.CERTIFICATE, each) for each in documents)
    assert pem.parse_certificates(text) == documents
    assert pem.parse_certificates(text.replace("\n", "\r\n")) == documents


def test_a_private_key_in_the_text_is_passed_over() -> None:
    assert pem.parse_certificates(pem.build(pem.PRIVATE_KEY, b"secret")) == []


@pytest.mark.parametrize("body", ["AAA", "AA=A", "A?==", "éAAA"])
def test_what_is_no_base64_is_refused(body: str) -> None:
    text = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    with pytest.raises(InvalidFormat, match="PEM"):
        pem.parse_certificates(text)


@given(st.text())
def test_any_text_is_certificates_or_an_invalid_format(text: str) -> None:
    try:
        documents = pem.parse_certificates(text)
    except InvalidFormat:
        return
    assert documents == []
