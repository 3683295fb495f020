"""Whom a developer certificate lets in, and where."""

import pytest

from homeport.dtls.credentials import Chain
from homeport.identity import Means
from homeport.pki import certificates, developer
from homeport.store.entries import Pin
from tests.support.gatekeeper import (
    NOW,
    NOW_MS,
    OURS,
    THEIRS,
    Door,
)

pytestmark = pytest.mark.integration


async def test_a_developer_certificate_opens_bootstrap(bootstrap: Door) -> None:
    made = developer.create(OURS, now=NOW)
    pin = Pin("3", OURS, certificates.fingerprint(made.certificate))
    await bootstrap.writer.put([pin])
    admission = await bootstrap.admitted(Chain((made.certificate,)))
    identity = admission.identity
    assert (identity.means, identity.account) == (Means.DEVELOPER, OURS)
    assert identity.endpoint_name is None
    assert identity.rests_on == (pin.name,)
    assert identity.expires > NOW_MS
    assert admission.anchors == (made.certificate,)


async def test_a_developer_certificate_that_nobody_knows_is_refused(
    either: Door,
) -> None:
    made = developer.create(OURS, now=NOW)
    refusal = await either.refused(Chain((made.certificate,)))
    assert refusal.reason == "no account trusts its CA"


async def test_a_developer_certificate_opens_bootstrap_only(lwm2m: Door) -> None:
    made = developer.create(OURS, now=NOW)
    await lwm2m.writer.put([Pin("3", OURS, certificates.fingerprint(made.certificate))])
    refusal = await lwm2m.refused(Chain((made.certificate,)))
    assert refusal.reason == "a developer certificate opens bootstrap only"
    assert not refusal.alerts


async def test_a_developer_certificate_of_another_account_is_refused(
    bootstrap: Door,
) -> None:
    made = developer.create(THEIRS, now=NOW)
    await bootstrap.writer.put(
        [Pin("3", OURS, certificates.fingerprint(made.certificate))]
    )
    refusal = await bootstrap.refused(Chain((made.certificate,)))
    assert refusal.account == OURS
    assert "another account" in refusal.reason
