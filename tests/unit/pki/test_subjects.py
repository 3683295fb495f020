"""A subject is read as it was built, whatever a device is called."""

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidFormat
from homeport.pki import certificates, subjects
from homeport.pki.subjects import Subject
from tests.support.foreign import certify

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=64)


@given(TEXTS, TEXTS, TEXTS)
def test_what_is_built_is_read(locality: str, unit: str, name: str) -> None:
    subject = Subject(locality, unit, name)
    assert subjects.read(subjects.build(subject)) == subject


def test_names_stand_in_the_order_that_devices_use() -> None:
    built = subjects.build(Subject("device", "account", "kitchen"))
    assert built.rfc4514_string() == "CN=kitchen,OU=account,L=device"


def test_other_names_are_passed_over() -> None:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Factory"),
            x509.NameAttribute(NameOID.COMMON_NAME, "kitchen"),
        ]
    )
    assert subjects.read(name) == Subject(common_name="kitchen")


@pytest.mark.parametrize(
    "oid",
    [
        NameOID.COMMON_NAME,
        NameOID.ORGANIZATIONAL_UNIT_NAME,
        NameOID.LOCALITY_NAME,
    ],
)
def test_a_name_that_stands_twice_is_refused(oid: x509.ObjectIdentifier) -> None:
    name = x509.Name(
        [x509.NameAttribute(oid, "kitchen"), x509.NameAttribute(oid, "cellar")]
    )
    with pytest.raises(InvalidFormat, match="twice"):
        subjects.read(name)


def test_a_certificate_with_a_long_name_is_read_without_a_warning() -> None:
    name = "ü" * 64
    document = certify(Subject(common_name=name)).der
    assert certificates.parse(document).subject.common_name == name
