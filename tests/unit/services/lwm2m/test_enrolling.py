"""A device that came with a certificate of ours is given another one."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from homeport import names
from homeport.coap.codec import Code
from homeport.identity import NOBODY, Identity, Means
from homeport.names import AccountId, EndpointName
from homeport.pki import authorities, devices, keys
from homeport.pki.subjects import Subject
from services.lwm2m import enrolling
from services.lwm2m.enrolling import Signer
from tests.support import trust
from tests.support.bootstrap import NOW_MS, signing_request

ACCOUNT, KETTLE = AccountId("a" * 32), EndpointName("kettle")
DEVICE = names.device_id(ACCOUNT, KETTLE)
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
    answer = signer().answer(signing_request(SUBJECT, key), WHO, now=NOW_MS)
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
    "identity",
    [
        NOBODY,
        replace(WHO, endpoint_name=None),
        replace(WHO, means=Means.CERTIFICATE),
        replace(WHO, device=None),
        replace(WHO, account=None),
    ],
)
def test_only_what_bootstrap_has_handed_out_is_renewed(identity: Identity) -> None:
    answer = signer().answer(signing_request(SUBJECT), identity, now=NOW_MS)
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
    answer = signer().answer(signing_request(subject), WHO, now=NOW_MS)
    assert answer.code == Code.FORBIDDEN


@given(st.binary(max_size=400))
def test_bytes_that_are_no_request_are_refused(document: bytes) -> None:
    assert signer().answer(document, WHO, now=NOW_MS).code == Code.BAD_REQUEST


def test_a_device_that_asks_too_often_is_told_to_wait() -> None:
    made, again = signer(), NOW_MS + enrolling.PAUSE_SECONDS * 1000
    request = signing_request(SUBJECT)
    assert made.answer(request, WHO, now=NOW_MS).code == Code.CHANGED
    answer = made.answer(request, WHO, now=NOW_MS + 1)
    assert answer.code == Code.TOO_MANY_REQUESTS
    assert not answer.keep
    assert made.answer(request, WHO, now=again).code == Code.CHANGED


def test_another_issuer_signs_from_then_on() -> None:
    made, other = signer(), authorities.create_issuer("New", now=datetime.now(UTC))
    made.renew(replace(trust.ours(), issuer=other.export()))
    answer = made.answer(signing_request(SUBJECT), WHO, now=NOW_MS)
    assert certificates(answer.payload)[1] == other.certificate.der
