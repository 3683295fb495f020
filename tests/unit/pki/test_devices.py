"""A device's certificate says who it is, and is read as it was issued."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidFormat
from homeport.names import AccountId, DeviceId, EndpointName
from homeport.pki import authorities, certificates, devices, keys
from homeport.pki.devices import Issued
from homeport.pki.subjects import Subject
from tests.support.foreign import NOW, certify

ACCOUNT = AccountId("000000000000000000000000deadbeef")
DEVICE = DeviceId("0199999999990000000000010010aaaa")
ISSUER = authorities.create_issuer("Homeport devices", now=NOW)
KEY = devices.new_key()


def issue(name: str = "kitchen", *, authority: authorities.Authority = ISSUER) -> bytes:
    return devices.issue(
        authority,
        account=ACCOUNT,
        device=DEVICE,
        endpoint_name=EndpointName(name),
        key=KEY,
        now=NOW,
        days=365,
    )


def test_a_certificate_is_read_as_it_was_issued() -> None:
    certificate = issue()
    assert devices.read(certificate) == Issued(
        account=ACCOUNT,
        device=DEVICE,
        endpoint_name=EndpointName("kitchen"),
        issued=int(NOW.timestamp() * 1000),
        expires=int((NOW + timedelta(days=365)).timestamp() * 1000),
        fingerprint=certificates.fingerprint(certificate),
    )


def test_it_is_what_devices_take() -> None:
    parsed = certificates.parse(issue()).parsed
    assert parsed.signature_algorithm_oid == SignatureAlgorithmOID.ECDSA_WITH_SHA256
    assert parsed.subject.rfc4514_string() == f"CN=kitchen,OU={ACCOUNT},L={DEVICE}"
    assert parsed.not_valid_before_utc == NOW - timedelta(days=1)
    assert parsed.public_key() == keys.decode(KEY).public_key()
    usage = parsed.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert list(usage.value) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_its_serial_number_begins_with_the_time_and_never_comes_again() -> None:
    first, second = (certificates.parse(issue()).parsed.serial_number for _ in "12")
    assert first >> 64 == second >> 64 == int(NOW.timestamp() * 1000)
    assert first != second


def test_it_chains_to_its_issuer() -> None:
    leaf = certificates.parse(issue())
    assert leaf.is_signed_by(ISSUER.certificate)
    assert not leaf.is_authority
    identifier = leaf.parsed.extensions.get_extension_for_class(
        x509.AuthorityKeyIdentifier
    )
    own = ISSUER.certificate.parsed.extensions.get_extension_for_class(
        x509.SubjectKeyIdentifier
    )
    assert identifier.value.key_identifier == own.value.key_identifier


def test_a_device_may_bring_its_own_public_key() -> None:
    key = keys.generate().public_key()
    certificate = devices.issue(
        ISSUER,
        account=ACCOUNT,
        device=DEVICE,
        endpoint_name=EndpointName("kitchen"),
        key=key,
        now=NOW,
        days=1,
    )
    assert certificates.parse(certificate).parsed.public_key() == key


def test_the_longest_names_fit_into_what_devices_take() -> None:
    longest = certify(Subject(common_name="x" * 240), ca=True)
    encoded = keys.encode(longest.key)
    authority = authorities.Authority.load(keys.CertifiedKey(longest.der, encoded))
    assert len(authority.certificate.name.public_bytes()) > 250
    certificate = issue("\U0001f3e0" * 64, authority=authority)
    assert len(certificate) <= authorities.LARGEST
    assert devices.read(certificate).endpoint_name == "\U0001f3e0" * 64


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=64))
def test_every_endpoint_name_is_read_as_it_was_issued(name: str) -> None:
    assert devices.read(issue(name)).endpoint_name == name


@pytest.mark.parametrize(
    "subject",
    [
        Subject("", ACCOUNT, "kitchen"),
        Subject(DEVICE, "", "kitchen"),
        Subject(DEVICE, ACCOUNT, ""),
        Subject("kitchen", ACCOUNT, "kitchen"),
        Subject(DEVICE, ACCOUNT, "kit\x00chen"),
        Subject(DEVICE, ACCOUNT, "x" * 65),
    ],
)
def test_a_certificate_without_three_good_names_is_refused(subject: Subject) -> None:
    with pytest.raises(InvalidFormat, match="certificate"):
        devices.read(certify(subject).der)


def test_a_serial_number_that_holds_no_time_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(ISSUER.certificate.name)
        .public_key(key.public_key())
        .serial_number(1 << 128)
        .not_valid_before(NOW)
        .not_valid_after(NOW)
    )
    with pytest.raises(InvalidFormat, match="serial number"):
        devices.read(ISSUER.sign(builder))


def test_a_new_key_is_a_key_and_new() -> None:
    assert keys.decode(devices.new_key())
    assert devices.new_key() != devices.new_key()
