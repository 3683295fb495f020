"""A device that came with a certificate of ours is given others."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from homeport import names
from homeport.coap.codec import Code
from homeport.errors import InvalidFormat
from homeport.identity import NOBODY, Identity, Means
from homeport.names import AccountId, EndpointName
from homeport.pki import authorities, devices, keys
from homeport.pki.subjects import Subject
from homeport.protocol.certificate_renewals import LWM2M
from services.lwm2m import enrolling
from services.lwm2m.enrolling import Signer
from tests.support import trust
from tests.support.bootstrap import NOW_MS, signing_request

ACCOUNT, KETTLE = AccountId("a" * 32), EndpointName("kettle")
DEVICE = names.device_id(ACCOUNT, KETTLE)
OTHER = "customer.dlms"
SUBJECT = Subject(DEVICE, ACCOUNT, KETTLE)
WHO = Identity(
    f"issued:{DEVICE}",
    Means.ISSUED,
    account=ACCOUNT,
    endpoint_name=KETTLE,
    device=DEVICE,
    fingerprint="f" * 64,
)


def signer() -> Signer:
    return Signer(trust.ours(), days=30)


def certificates(reply: bytes) -> list[bytes]:
    """Take an answer apart: how many, and each with its length."""
    assert reply[0] == 1
    found, rest = [], reply[2:]
    while rest:
        length = int.from_bytes(rest[:2], "big")
        found.append(rest[2 : 2 + length])
        rest = rest[2 + length :]
    assert len(found) == reply[1]
    return found


def test_its_key_is_signed_with_the_names_that_it_has() -> None:
    key = keys.generate()
    answer = signer().answer(LWM2M, signing_request(SUBJECT, key), WHO, now=NOW_MS)
    assert answer.code == Code.CHANGED
    own, above = certificates(answer.payload)
    assert above == trust.issuer().certificate.der
    assert x509.load_der_x509_certificate(own).public_key() == key.public_key()
    issued = devices.read(own)
    assert (issued.account, issued.device, issued.endpoint_name) == (
        *(ACCOUNT, DEVICE, KETTLE),
    )
    assert issued.issued == NOW_MS


@pytest.mark.parametrize(
    ("path", "certificate"),
    [
        (("est", "sen"), LWM2M),
        (("est", LWM2M, "sen"), LWM2M),
        (("est", OTHER, "sen"), OTHER),
        (("est", "mbed.BootstrapDeviceCert", "sen"), None),
        (("est", "no name", "sen"), None),
        (("est", OTHER), None),
        (("est",), None),
    ],
)
def test_a_path_names_a_certificate(
    path: tuple[str, ...], certificate: str | None
) -> None:
    assert enrolling.certificate_of(path) == certificate


@pytest.mark.parametrize(
    "subject", [SUBJECT, Subject(common_name="meter 7"), Subject()]
)
def test_another_certificate_says_which_device_it_is_whatever_was_asked(
    subject: Subject,
) -> None:
    key = keys.generate()
    answer = signer().answer(OTHER, signing_request(subject, key), WHO, now=NOW_MS)
    assert answer.code == Code.CHANGED
    own, above = certificates(answer.payload)
    assert above == trust.issuer().certificate.der
    signed = x509.load_der_x509_certificate(own)
    assert signed.public_key() == key.public_key()
    assert signed.subject.rfc4514_string() == f"CN={KETTLE},OU={ACCOUNT}"


def test_another_certificate_is_none_to_register_with() -> None:
    answer = signer().answer(OTHER, signing_request(SUBJECT), WHO, now=NOW_MS)
    own, _ = certificates(answer.payload)
    with pytest.raises(InvalidFormat):
        devices.read(own)


@pytest.mark.parametrize("certificate", [LWM2M, OTHER])
@pytest.mark.parametrize(
    "identity",
    [
        NOBODY,
        replace(WHO, endpoint_name=None),
        replace(WHO, means=Means.CERTIFICATE),
        replace(WHO, device=None),
        replace(WHO, account=None),
        replace(WHO, suspended=True),
    ],
)
def test_only_whom_bootstrap_has_let_in_is_given_one(
    identity: Identity, certificate: str
) -> None:
    request = signing_request(SUBJECT)
    answer = signer().answer(certificate, request, identity, now=NOW_MS)
    assert answer.code == Code.FORBIDDEN


@pytest.mark.parametrize(
    "subject",
    [
        replace(SUBJECT, locality="0" * 32),
        replace(SUBJECT, organizational_unit="0" * 32),
        replace(SUBJECT, common_name="lamp"),
        Subject(),
    ],
)
def test_nobody_is_given_the_names_of_another_device(subject: Subject) -> None:
    answer = signer().answer(LWM2M, signing_request(subject), WHO, now=NOW_MS)
    assert answer.code == Code.FORBIDDEN


@given(st.binary(max_size=400))
def test_bytes_that_are_no_request_are_refused(document: bytes) -> None:
    assert signer().answer(LWM2M, document, WHO, now=NOW_MS).code == Code.BAD_REQUEST


def test_a_device_that_asks_too_often_is_told_to_wait() -> None:
    made, again = signer(), NOW_MS + enrolling.PAUSE_SECONDS * 1000
    request = signing_request(SUBJECT)
    assert made.answer(LWM2M, request, WHO, now=NOW_MS).code == Code.CHANGED
    answer = made.answer(LWM2M, request, WHO, now=NOW_MS + 1)
    assert answer.code == Code.TOO_MANY_REQUESTS
    assert not answer.keep
    assert made.answer(LWM2M, request, WHO, now=again).code == Code.CHANGED


def test_another_issuer_signs_from_then_on() -> None:
    made, other = signer(), authorities.create_issuer("New", now=datetime.now(UTC))
    made.renew(replace(trust.ours(), issuer=other.export()))
    answer = made.answer(LWM2M, signing_request(SUBJECT), WHO, now=NOW_MS)
    assert certificates(answer.payload)[1] == other.certificate.der
