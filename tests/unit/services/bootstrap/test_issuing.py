"""Each device is handed what its kind can use, made for it alone."""

from dataclasses import replace

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidInput, InvalidParameter
from homeport.identity import Means
from homeport.names import EndpointName
from homeport.pki import certificates, devices, keys, psk
from homeport.pki.subjects import Subject
from homeport.protocol import profiles
from homeport.protocol.handover import (
    LARGEST,
    Certificate,
    Enrollment,
    NoSec,
    SharedKey,
    Usage,
)
from homeport.protocol.profiles import Profile
from services.bootstrap import issuing
from services.bootstrap.issuing import Issuer, Particulars, Recipient
from tests.support.bootstrap import (
    ACCOUNT,
    IZUMA_ID,
    IZUMA_NAME,
    NOW_MS,
    issuer,
    signing_request,
)
from tests.support.trust import KEYRING, ours

ISSUER = issuer()
IZUMA = Recipient(
    ACCOUNT, IZUMA_ID, IZUMA_NAME, IZUMA_NAME, profiles.IZUMA, Means.CERTIFICATE
)
SUBJECT = Subject(IZUMA_ID, ACCOUNT, IZUMA_NAME)
YEAR_MS = 365 * 86_400_000


def certificate(recipient: Recipient) -> tuple[Certificate, Particulars]:
    security, particulars = issuing.issue(ISSUER, recipient, now_ms=NOW_MS)
    assert isinstance(security, Certificate)
    return security, particulars


def shared_key(recipient: Recipient, *, now_ms: int = NOW_MS) -> SharedKey:
    security, _ = issuing.issue(ISSUER, recipient, now_ms=now_ms)
    assert isinstance(security, SharedKey)
    return security


@pytest.mark.parametrize("profile", profiles.PROFILES.values())
def test_who_has_proved_nothing_is_handed_nothing(profile: Profile) -> None:
    recipient = replace(IZUMA, means=Means.NOTHING, profile=profile)
    made = issuing.issue(ISSUER, recipient, now_ms=NOW_MS)
    assert made == (NoSec(), Particulars())


@pytest.mark.parametrize(
    "means", [Means.CERTIFICATE, Means.DEVELOPER, Means.SHARED_KEY]
)
def test_an_izuma_device_is_handed_a_certificate(means: Means) -> None:
    made, particulars = certificate(replace(IZUMA, means=means))
    issued = devices.read(made.certificate)
    assert (issued.device, issued.account, issued.endpoint_name) == (
        IZUMA_ID,
        ACCOUNT,
        IZUMA_NAME,
    )
    assert issued.expires == particulars.expires
    assert 0 <= NOW_MS + YEAR_MS - issued.expires < 1000
    assert particulars.fingerprint == certificates.fingerprint(made.certificate)
    assert particulars.issuer == ISSUER.authority.certificate.fingerprint
    assert (made.server, made.usage) == (ours().root, None)


def test_the_key_is_the_certificates_own_and_another_each_time() -> None:
    made, _ = certificate(IZUMA)
    again, _ = certificate(IZUMA)
    public = x509.load_der_x509_certificate(made.certificate).public_key()
    assert keys.decode(made.key).public_key() == public
    assert made.key != again.key


@pytest.mark.parametrize(
    ("profile", "server", "usage"),
    [
        (profiles.LWM2M_1_1, ISSUER.root, Usage.TRUST_ANCHOR),
        (profiles.LWM2M_1_0, ISSUER.server, None),
        (profiles.IZUMA_STANDARD, ISSUER.root, None),
    ],
)
@pytest.mark.conforms("C-043", "Leshan X509Test")
def test_a_plain_client_is_told_its_way_how_to_verify_the_server(
    profile: Profile, server: bytes, usage: Usage | None
) -> None:
    made, _ = certificate(replace(IZUMA, profile=profile))
    assert (made.server, made.usage) == (server, usage)


@pytest.mark.parametrize(
    "profile", [profiles.LWM2M_1_0, profiles.LWM2M_1_1, profiles.IZUMA_STANDARD]
)
def test_a_plain_client_that_came_with_a_key_is_handed_a_key(profile: Profile) -> None:
    made = shared_key(replace(IZUMA, profile=profile, means=Means.SHARED_KEY))
    assert psk.key(KEYRING, made.identity, account=ACCOUNT) == made.key
    recognized = psk.recognize(made.identity)
    assert recognized is not None
    assert (recognized.device, recognized.issued) == (IZUMA_ID, NOW_MS)


def test_a_key_is_told_of_by_its_end_alone() -> None:
    recipient = replace(IZUMA, profile=profiles.LWM2M_1_1, means=Means.SHARED_KEY)
    _, particulars = issuing.issue(ISSUER, recipient, now_ms=NOW_MS)
    assert particulars == Particulars(expires=NOW_MS + YEAR_MS)


def test_identity_and_key_are_others_at_the_next_bootstrap() -> None:
    recipient = replace(IZUMA, profile=profiles.LWM2M_1_1, means=Means.SHARED_KEY)
    first, second = shared_key(recipient), shared_key(recipient, now_ms=NOW_MS + 1)
    assert first.identity != second.identity
    assert first.key != second.key


def test_an_izuma_device_may_have_to_enroll() -> None:
    made = issuing.issue(issuer(enrolls=True), IZUMA, now_ms=NOW_MS)
    assert made == (Enrollment(IZUMA_ID, ISSUER.root), Particulars())


def test_no_other_client_has_to_enroll() -> None:
    recipient = replace(IZUMA, profile=profiles.LWM2M_1_1)
    security, _ = issuing.issue(issuer(enrolls=True), recipient, now_ms=NOW_MS)
    assert isinstance(security, Certificate)


def test_nothing_is_longer_than_devices_take() -> None:
    name = EndpointName("\N{SNOWMAN}" * 64)
    made, _ = certificate(replace(IZUMA, endpoint_name=name))
    assert max(map(len, (made.certificate, made.server, made.key))) <= LARGEST


def enroll(
    request: bytes, recipient: Recipient = IZUMA
) -> tuple[list[bytes], Particulars]:
    """Enroll; return the certificates of the reply, the device's own first."""
    reply, particulars = issuing.enroll(ISSUER, recipient, request, now_ms=NOW_MS)
    assert reply[0] == 1
    found, rest = [], reply[2:]
    while rest:
        length = int.from_bytes(rest[:2], "big")
        found.append(rest[2 : 2 + length])
        rest = rest[2 + length :]
    assert len(found) == reply[1]
    return found, particulars


def test_a_key_that_a_device_has_made_is_signed() -> None:
    key = keys.generate()
    (own, above), particulars = enroll(signing_request(SUBJECT, key))
    assert x509.load_der_x509_certificate(own).public_key() == key.public_key()
    assert devices.read(own).device == IZUMA_ID
    assert above == ISSUER.authority.certificate.der
    assert particulars.fingerprint == certificates.fingerprint(own)


def test_a_developers_device_may_ask_by_its_certificates_name() -> None:
    recipient = replace(
        IZUMA, endpoint_name=EndpointName(IZUMA_ID), means=Means.DEVELOPER
    )
    for name in (IZUMA_NAME, IZUMA_ID):
        (own, _), _ = enroll(
            signing_request(replace(SUBJECT, common_name=name)), recipient
        )
        assert devices.read(own).endpoint_name == IZUMA_ID


@pytest.mark.parametrize(
    "subject",
    [
        replace(SUBJECT, locality="0" * 32),
        replace(SUBJECT, organizational_unit="0" * 32),
        replace(SUBJECT, common_name="kitchen"),
        replace(SUBJECT, common_name=IZUMA_ID),
        Subject(common_name=IZUMA_NAME),
        Subject(),
    ],
)
def test_a_request_with_names_of_another_bootstrap_is_refused(subject: Subject) -> None:
    with pytest.raises(InvalidParameter, match="subject"):
        enroll(signing_request(subject))


@given(st.binary(max_size=400))
def test_bytes_that_are_no_request_are_refused(document: bytes) -> None:
    with pytest.raises(InvalidInput):
        enroll(document)


def test_an_issuer_shows_no_secret() -> None:
    assert "Keyring" not in repr(
        Issuer.load(ours(), keyring=KEYRING, days=1, enrolls=False)
    )
