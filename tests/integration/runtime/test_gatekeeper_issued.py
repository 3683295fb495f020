"""Who a credential of ours makes its holder, and until when it opens."""

from dataclasses import replace

import pytest

from homeport.dtls.credentials import SharedKey
from homeport.pki import certificates
from homeport.pki.authorities import create_issuer
from homeport.pki.subjects import Subject
from homeport.store.entries import DeviceEntry
from tests.support import trust
from tests.support.gatekeeper import (
    DEVICE,
    KETTLE,
    NOW,
    NOW_MS,
    OURS,
    Door,
    chain,
    issued,
    issued_key,
)

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("kind", ["key", "certificate"])
async def test_a_credential_of_ours_that_is_revoked_hears_so(
    lwm2m: Door, kind: str
) -> None:
    await lwm2m.writer.put([DeviceEntry(DEVICE, OURS, not_before=NOW_MS + 1)])
    credential = SharedKey(issued_key().identity) if kind == "key" else issued()
    refusal = await lwm2m.refused(credential)
    assert refusal.reason == "the credential is revoked"
    assert refusal.account == OURS
    assert refusal.alerts


@pytest.mark.parametrize("kind", ["key", "certificate"])
async def test_a_suspended_device_is_told_apart_and_hears_no_alert(
    lwm2m: Door, kind: str
) -> None:
    await lwm2m.writer.put([DeviceEntry(DEVICE, OURS, suspended=True)])
    credential = SharedKey(issued_key().identity) if kind == "key" else issued()
    admission = await lwm2m.admitted(credential)
    assert (admission.identity.suspended, admission.alerts) == (True, False)
    limits = DeviceEntry(DEVICE, OURS, suspended=True, not_before=NOW_MS + 1)
    await lwm2m.writer.put([limits])
    assert not (await lwm2m.refused(credential)).alerts


@pytest.mark.parametrize("known", [True, False])
async def test_a_certificate_of_ours_says_who_its_device_is(
    lwm2m: Door,
    known: bool,  # noqa: FBT001 # a parameter of the test
) -> None:
    if known:
        await lwm2m.writer.put([DeviceEntry(DEVICE, OURS)])
    certificate = issued()
    admission = await lwm2m.admitted(certificate)
    identity = admission.identity
    assert identity.name == f"issued:{DEVICE}"
    assert (identity.account, identity.device) == (OURS, DEVICE)
    assert identity.endpoint_name == KETTLE
    assert identity.issued == NOW_MS
    assert identity.expires > NOW_MS
    assert identity.fingerprint == certificates.fingerprint(certificate.certificates[0])
    issuer = trust.issuer().certificate
    assert identity.rests_on == (f"device:{DEVICE}", f"issuer:{issuer.fingerprint}")
    assert admission.anchors == (issuer.der,)
    assert admission.alerts


@pytest.mark.parametrize("name", ["Test issuer", "Former issuer"])
async def test_a_certificate_of_a_former_issuer_opens_until_that_is_withdrawn(
    lwm2m: Door, name: str
) -> None:
    former = create_issuer(name, now=NOW)
    certificate = issued(by=former)
    lwm2m.gatekeeper.renew(
        replace(trust.ours(), former_issuers=(former.certificate.der,))
    )
    admission = await lwm2m.admitted(certificate)
    assert admission.anchors == (former.certificate.der,)
    now = await lwm2m.admitted(issued())
    assert now.anchors == (trust.issuer().certificate.der,)
    assert await lwm2m.gatekeeper.trusted([admission.identity]) == [True]

    subject = former.certificate.subject_digest
    lwm2m.gatekeeper.renew(replace(trust.ours(), withdrawn=(subject,)))
    assert await lwm2m.gatekeeper.trusted([admission.identity]) == [False]
    (decision,) = await lwm2m.gatekeeper.admit([certificate])
    assert former.certificate.der not in getattr(decision, "anchors", ())


async def test_a_device_whose_issuer_has_been_withdrawn_hears_so(
    lwm2m: Door, bootstrap: Door
) -> None:
    former = create_issuer("Former issuer", now=NOW)
    withdrawn = replace(trust.ours(), withdrawn=(former.certificate.subject_digest,))
    certificate = issued(by=former)
    lwm2m.gatekeeper.renew(withdrawn)
    await lwm2m.writer.put([DeviceEntry(DEVICE, OURS)])
    refusal = await lwm2m.refused(certificate)
    assert refusal.reason == "its issuer has been withdrawn"
    assert (refusal.account, refusal.alerts) == (OURS, True)
    await lwm2m.writer.put([DeviceEntry(DEVICE, OURS, suspended=True)])
    assert not (await lwm2m.refused(certificate)).alerts
    bootstrap.gatekeeper.renew(withdrawn)
    assert "opens no bootstrap" in (await bootstrap.refused(certificate)).reason


async def test_a_certificate_of_ours_opens_no_bootstrap(bootstrap: Door) -> None:
    refusal = await bootstrap.refused(issued())
    assert "opens no bootstrap" in refusal.reason
    assert refusal.fingerprint


@pytest.mark.parametrize(
    ("subject", "locality"),
    [
        (Subject("", OURS, KETTLE), ""),
        (Subject("", OURS, KETTLE), "not an id"),
        (Subject("", "me", KETTLE), DEVICE),
        (Subject("", OURS, ""), DEVICE),
    ],
)
async def test_a_certificate_of_our_issuers_that_names_no_device_is_refused(
    lwm2m: Door, subject: Subject, locality: str
) -> None:
    refusal = await lwm2m.refused(chain(trust.issuer(), subject, locality=locality))
    assert refusal.fingerprint


async def test_another_issuer_of_ours_is_known_from_now_on(lwm2m: Door) -> None:
    other = create_issuer("New issuer", now=NOW)
    subject = Subject(organizational_unit=OURS, common_name=KETTLE)
    certificate = chain(other, subject, locality=DEVICE)
    assert (await lwm2m.refused(certificate)).reason == "no account trusts its CA"
    lwm2m.gatekeeper.renew(replace(trust.ours(), issuer=other.export()))
    admission = await lwm2m.admitted(certificate)
    assert admission.identity.device == DEVICE
    assert admission.anchors == (other.certificate.der,)
