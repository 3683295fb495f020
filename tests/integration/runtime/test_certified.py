"""Who a certificate makes its holder whose authority accounts trust."""

import pytest

from homeport.dtls.credentials import Chain
from homeport.identity import Means, Service
from homeport.pki.authorities import create_issuer
from homeport.pki.subjects import Subject
from tests.support.gatekeeper import (
    FACTORY,
    KETTLE,
    NOW,
    NOW_MS,
    OURS,
    OWNER,
    THEIRS,
    Door,
    chain,
    leaf,
)

pytestmark = pytest.mark.integration


async def test_a_certificate_of_a_trusted_authority_may_be_any_accounts_that_trusts_it(
    either: Door,
) -> None:
    entry = await either.trusts()
    other = await either.trusts(id="4", account=THEIRS)
    certificate = leaf()
    admission = await either.admitted(certificate)
    identity = admission.identity
    assert identity.means is Means.CERTIFICATE
    assert identity.account is None
    assert identity.accounts == (OURS, THEIRS)
    assert identity.endpoint_name == KETTLE
    assert identity.rests_on == tuple(sorted((entry.name, other.name)))
    assert identity.expires > NOW_MS
    assert identity.name.startswith("certificate:")
    assert set(admission.anchors) == {FACTORY.certificate.der}
    assert admission.alerts is (either.service is Service.BOOTSTRAP)


async def test_of_one_authority_each_name_is_another_identity(either: Door) -> None:
    await either.trusts()
    first, second, again = [
        (await either.admitted(leaf(name=name))).identity.name
        for name in ("kettle", "lamp", "kettle")
    ]
    assert first == again != second


async def test_the_unit_says_which_account_is_meant(either: Door) -> None:
    entry = await either.trusts()
    await either.trusts(id="4", account=THEIRS)
    identity = (await either.admitted(leaf(unit=OURS))).identity
    assert (identity.account, identity.accounts) == (OURS, (OURS,))
    assert identity.rests_on == (entry.name,)


async def test_a_unit_that_is_no_account_says_nothing(either: Door) -> None:
    await either.trusts()
    identity = (await either.admitted(leaf(unit="Kitchen"))).identity
    assert identity.accounts == (OURS,)
    assert identity.account is None


async def test_a_unit_of_an_account_that_does_not_trust_it_is_refused(
    either: Door,
) -> None:
    await either.trusts()
    refusal = await either.refused(leaf(unit=THEIRS))
    assert "another account" in refusal.reason
    assert refusal.alerts is (either.service is Service.BOOTSTRAP)


async def test_who_has_proven_that_it_holds_the_key_is_meant(either: Door) -> None:
    await either.trusts(proven=True)
    await either.trusts(id="4", account=THEIRS)
    assert (await either.admitted(leaf())).identity.account == OURS


async def test_two_who_have_proven_it_are_nobody_in_particular(either: Door) -> None:
    await either.trusts(proven=True)
    await either.trusts(id="4", account=THEIRS, proven=True)
    assert (await either.admitted(leaf())).identity.account is None


async def test_the_installations_owner_need_not_prove_anything(either: Door) -> None:
    await either.trusts(account=OWNER)
    assert (await either.admitted(leaf())).identity.account == OWNER


async def test_where_devices_enroll_a_claim_decides(either: Door) -> None:
    await either.trusts(proven=True, enrollment_mode=True)
    identity = (await either.admitted(leaf())).identity
    assert identity.enrolls
    assert identity.account is None


async def test_who_holds_a_key_loses_no_device_to_who_only_trusts_its_ca(
    either: Door,
) -> None:
    await either.trusts(proven=True)
    await either.trusts(id="4", account=THEIRS, enrollment_mode=True)
    identity = (await either.admitted(leaf())).identity
    assert identity.account == OURS
    assert not identity.enrolls


@pytest.mark.conforms("C-036", "B-041")
async def test_an_inactive_authority_trusts_nobody_and_says_whose_it_is(
    either: Door,
) -> None:
    await either.trusts(active=False)
    refusal = await either.refused(leaf())
    assert refusal.reason == "its CA is inactive"
    assert (refusal.account, refusal.endpoint_name) == (OURS, KETTLE)
    assert refusal.authority == "1"
    assert refusal.fingerprint
    assert refusal.alerts is (either.service is Service.BOOTSTRAP)


async def test_an_authority_for_the_other_service_trusts_nobody_here(
    either: Door,
) -> None:
    (other,) = set(Service) - {either.service}
    await either.trusts(service=other)
    refusal = await either.refused(leaf())
    assert refusal.reason == "no account trusts its CA"
    assert refusal.account is None


async def test_an_authority_for_direct_use_trusts_nobody_where_that_is_off(
    indirect: Door,
) -> None:
    await indirect.trusts()
    assert not (await indirect.refused(leaf())).alerts


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 65])
async def test_a_certificate_without_an_endpoint_name_is_refused(
    either: Door, name: str
) -> None:
    await either.trusts()
    refusal = await either.refused(leaf(name=name))
    assert "endpoint name" in refusal.reason
    assert refusal.fingerprint


async def test_a_chain_is_trusted_by_an_authority_in_its_middle(either: Door) -> None:
    await either.trusts()
    middle = create_issuer("Middle CA", now=NOW)
    (certificate,) = leaf(by=middle).certificates
    above = chain(FACTORY, Subject(common_name="Middle CA")).certificates[0]
    admission = await either.admitted(Chain((certificate, above)))
    assert admission.anchors == (FACTORY.certificate.der,)
