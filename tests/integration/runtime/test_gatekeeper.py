"""Who a credential makes its holder, by what the directory has written."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from homeport import names
from homeport.dtls.credentials import Admission, Chain, Credential, Refusal, SharedKey
from homeport.errors import Unavailable
from homeport.identity import Identity, Means, Service
from homeport.keyring import Keyring
from homeport.names import AccountId, EndpointName
from homeport.pki import certificates, developer, devices, keys, psk, subjects
from homeport.pki.authorities import Authority, create_issuer
from homeport.pki.subjects import Subject
from homeport.runtime.gatekeeper import Gatekeeper
from homeport.store.entries import DeviceEntry, Pin, RegisteredKey, TrustedCertificate
from homeport.store.trust_reader import TrustReader
from homeport.store.trust_writer import TrustWriter
from tests.support import trust
from tests.support.sessions import edge
from tests.support.trust import KEYRING

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)
NOW_MS = int(NOW.timestamp() * 1000)
DAY = timedelta(days=1)
DAYS = 30
OWNER = AccountId("0" * 31 + "1")
OURS, THEIRS = AccountId("a" * 32), AccountId("b" * 32)
KETTLE = EndpointName("kettle")
DEVICE = names.device_id(OURS, KETTLE)
FACTORY = create_issuer("Factory CA", now=NOW)
TRUSTED = TrustedCertificate(
    id="1",
    account=OURS,
    subject=FACTORY.certificate.subject_digest,
    certificate=FACTORY.certificate.der,
    service=Service.LWM2M,
    enrollment_mode=False,
    proven=False,
    active=True,
)
KEY = RegisteredKey("2", Service.LWM2M, b"who", OURS, KETTLE, b"secret")


@dataclass(frozen=True, slots=True)
class Door:
    """The gatekeeper of one service, and who writes what it goes by."""

    service: Service
    gatekeeper: Gatekeeper
    writer: TrustWriter

    async def admit(self, credential: Credential) -> Admission | Refusal:
        (decision,) = await self.gatekeeper.admit([credential])
        return decision

    async def admitted(self, credential: Credential) -> Admission:
        decision = await self.admit(credential)
        assert isinstance(decision, Admission), decision
        return decision

    async def refused(self, credential: Credential) -> Refusal:
        decision = await self.admit(credential)
        assert isinstance(decision, Refusal), decision
        return decision

    async def trusts(self, **changes: object) -> TrustedCertificate:
        """Trust the factory's CA, for this service and with changes."""
        entry = replace(TRUSTED, **{"service": self.service} | changes)
        await self.writer.put([entry])
        return entry


@asynccontextmanager
async def door(
    redis_url: str,
    service: Service,
    *,
    direct: bool = True,
    keyring: Keyring = KEYRING,
) -> AsyncIterator[Door]:
    async with edge(redis_url) as opened:
        gatekeeper = Gatekeeper(
            TrustReader(opened.redis, keyring),
            keyring,
            trust.ours(),
            service=service,
            days=DAYS,
            direct=direct,
            owner=OWNER,
            now_milliseconds=lambda: NOW_MS,
        )
        yield Door(service, gatekeeper, TrustWriter(opened.redis, KEYRING))


@pytest.fixture
async def lwm2m(redis_url: str) -> AsyncIterator[Door]:
    async with door(redis_url, Service.LWM2M) as opened:
        yield opened


@pytest.fixture
async def indirect(redis_url: str) -> AsyncIterator[Door]:
    async with door(redis_url, Service.LWM2M, direct=False) as opened:
        yield opened


@pytest.fixture
async def bootstrap(redis_url: str) -> AsyncIterator[Door]:
    async with door(redis_url, Service.BOOTSTRAP) as opened:
        yield opened


@pytest.fixture(params=list(Service))
async def either(redis_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Door]:
    async with door(redis_url, request.param) as opened:
        yield opened


def leaf(*, name: str = "kettle", unit: str = "", by: Authority = FACTORY) -> Chain:
    """Make the certificate of a device as its factory does."""
    return chain(by, Subject(organizational_unit=unit, common_name=name))


def chain(by: Authority, subject: Subject, *, locality: str = "") -> Chain:
    key = keys.generate()
    builder = (
        certificates.x509.CertificateBuilder()
        .subject_name(subjects.build(replace(subject, locality=locality)))
        .public_key(key.public_key())
        .serial_number(NOW_MS << 64 | 1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
    )
    return Chain((by.sign(builder),))


def issued(
    *,
    account: AccountId = OURS,
    now: datetime = NOW,
    by: Authority | None = None,
) -> Chain:
    """Make a certificate as bootstrap does."""
    made = devices.issue(
        by or trust.issuer(),
        account=account,
        device=DEVICE,
        endpoint_name=KETTLE,
        key=devices.new_key(),
        now=now,
        days=DAYS,
    )
    return Chain((made,))


def issued_key(*, now_ms: int = NOW_MS - 1000) -> psk.IssuedKey:
    """Make a PSK as bootstrap does."""
    return psk.issue(KEYRING, account=OURS, device=DEVICE, now_ms=now_ms)


async def test_a_registered_key_opens_the_service_that_it_is_for(
    lwm2m: Door, bootstrap: Door
) -> None:
    await lwm2m.writer.put([KEY])
    admission = await lwm2m.admitted(SharedKey(b"who"))
    assert admission.key == b"secret"
    identity = admission.identity
    assert (identity.means, identity.account) == (Means.SHARED_KEY, OURS)
    assert identity.endpoint_name == KETTLE
    assert identity.rests_on == (KEY.name,)
    assert " " not in identity.name
    assert (await bootstrap.refused(SharedKey(b"who"))).account is None


async def test_a_key_for_bootstrap_opens_bootstrap(bootstrap: Door) -> None:
    await bootstrap.writer.put([replace(KEY, service=Service.BOOTSTRAP)])
    assert (await bootstrap.admitted(SharedKey(b"who"))).key == b"secret"


async def test_an_identity_that_nobody_registered_is_unknown(either: Door) -> None:
    refusal = await either.refused(SharedKey(b"who"))
    assert refusal.reason == "the PSK identity is unknown"
    assert refusal.endpoint_name == "who"
    assert refusal.account is None


async def test_a_long_identity_is_on_the_record_as_far_as_a_name_goes(
    either: Door,
) -> None:
    refusal = await either.refused(SharedKey(b"x" * 128))
    assert refusal.endpoint_name == "x" * 64


async def test_an_unknown_identity_and_a_known_one_may_hear_the_same(
    either: Door,
) -> None:
    await either.writer.put([replace(KEY, service=either.service)])
    known = await either.admitted(SharedKey(b"who"))
    unknown = await either.refused(SharedKey(b"who else"))
    assert known.alerts == unknown.alerts


async def test_a_key_for_direct_use_opens_nothing_where_that_is_off(
    indirect: Door,
) -> None:
    await indirect.writer.put([KEY])
    refusal = await indirect.refused(SharedKey(b"who"))
    assert refusal.reason == "direct registration is off"
    assert (refusal.account, refusal.endpoint_name) == (OURS, KETTLE)


async def test_a_key_of_ours_names_device_and_account(lwm2m: Door) -> None:
    await lwm2m.writer.put([DeviceEntry(DEVICE, OURS)])
    made = issued_key()
    admission = await lwm2m.admitted(SharedKey(made.identity))
    assert admission.key == made.key
    identity = admission.identity
    assert identity.name == f"issued:{DEVICE}"
    assert (identity.means, identity.account) == (Means.ISSUED, OURS)
    assert identity.device == DEVICE
    assert identity.issued == NOW_MS - 1000
    assert identity.expires == NOW_MS - 1000 + DAYS * 86_400_000
    assert identity.rests_on == (f"device:{DEVICE}",)


async def test_a_key_of_ours_works_in_indirect_mode_too(indirect: Door) -> None:
    await indirect.writer.put([DeviceEntry(DEVICE, OURS)])
    await indirect.admitted(SharedKey(issued_key().identity))


async def test_a_registered_key_comes_before_one_of_ours_that_looks_like_it(
    lwm2m: Door,
) -> None:
    made = issued_key()
    await lwm2m.writer.put(
        [DeviceEntry(DEVICE, OURS), replace(KEY, identity=made.identity)]
    )
    assert (await lwm2m.admitted(SharedKey(made.identity))).key == b"secret"


async def test_a_key_of_ours_opens_no_bootstrap(bootstrap: Door) -> None:
    await bootstrap.writer.put([DeviceEntry(DEVICE, OURS)])
    await bootstrap.refused(SharedKey(issued_key().identity))


async def test_a_key_of_a_device_that_nobody_knows_is_unknown(lwm2m: Door) -> None:
    refusal = await lwm2m.refused(SharedKey(issued_key().identity))
    assert refusal.reason == "the PSK identity is unknown"


async def test_an_identity_that_only_looks_like_ours_is_unknown(lwm2m: Door) -> None:
    await lwm2m.writer.put([DeviceEntry(DEVICE, OURS)])
    forged = psk.issue(Keyring([b"x" * 32]), account=OURS, device=DEVICE, now_ms=NOW_MS)
    refusal = await lwm2m.refused(SharedKey(forged.identity))
    assert refusal.reason == "the PSK identity is unknown"


async def test_a_key_of_ours_expires(lwm2m: Door) -> None:
    await lwm2m.writer.put([DeviceEntry(DEVICE, OURS)])
    old = issued_key(now_ms=NOW_MS - DAYS * 86_400_000)
    refusal = await lwm2m.refused(SharedKey(old.identity))
    assert refusal.reason == "the credential has expired"
    younger = issued_key(now_ms=NOW_MS - DAYS * 86_400_000 + 1)
    await lwm2m.admitted(SharedKey(younger.identity))


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
async def test_a_suspended_device_hears_nothing(lwm2m: Door, kind: str) -> None:
    await lwm2m.writer.put([DeviceEntry(DEVICE, OURS, suspended=True)])
    credential = SharedKey(issued_key().identity) if kind == "key" else issued()
    refusal = await lwm2m.refused(credential)
    assert refusal.reason == "the device is suspended"
    assert refusal.account == OURS
    assert not refusal.alerts


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


@pytest.mark.parametrize("document", [b"", b"\x30\x00", b"nonsense"])
async def test_what_is_no_certificate_is_refused_in_silence(
    either: Door, document: bytes
) -> None:
    refusal = await either.refused(Chain((document,)))
    assert refusal.reason == "the certificate can not be read"
    assert not refusal.alerts


async def test_a_chain_that_is_too_long_is_refused(either: Door) -> None:
    (certificate,) = leaf().certificates
    await either.refused(Chain((certificate,) * 5))


async def test_a_chain_is_trusted_by_an_authority_in_its_middle(either: Door) -> None:
    await either.trusts()
    middle = create_issuer("Middle CA", now=NOW)
    (certificate,) = leaf(by=middle).certificates
    above = chain(FACTORY, Subject(common_name="Middle CA")).certificates[0]
    admission = await either.admitted(Chain((certificate, above)))
    assert admission.anchors == (FACTORY.certificate.der,)


async def test_a_batch_is_answered_in_its_order(lwm2m: Door) -> None:
    await lwm2m.writer.put([KEY, DeviceEntry(DEVICE, OURS)])
    await lwm2m.trusts()
    asked: list[Credential] = [
        leaf(),
        SharedKey(issued_key().identity),
        Chain((b"nonsense",)),
        SharedKey(b"who else"),
        issued(),
        SharedKey(b"who"),
    ]
    decisions = await lwm2m.gatekeeper.admit(asked)
    assert [
        decision.identity.means if isinstance(decision, Admission) else None
        for decision in decisions
    ] == [
        Means.CERTIFICATE,
        Means.ISSUED,
        None,
        None,
        Means.ISSUED,
        Means.SHARED_KEY,
    ]
    assert await lwm2m.gatekeeper.admit([]) == []


async def test_who_rests_on_what_is_there_is_trusted(lwm2m: Door) -> None:
    await lwm2m.writer.put([KEY])
    identity = (await lwm2m.admitted(SharedKey(b"who"))).identity
    assert await lwm2m.gatekeeper.trusted([identity]) == [True]
    await lwm2m.writer.remove([KEY])
    assert await lwm2m.gatekeeper.trusted([identity]) == [False]


async def test_who_has_expired_is_trusted_no_more(lwm2m: Door) -> None:
    expired = Identity("issued:1", Means.ISSUED, expires=NOW_MS)
    still = replace(expired, expires=NOW_MS + 1)
    ever = replace(expired, expires=0)
    assert await lwm2m.gatekeeper.trusted([expired, still, ever]) == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    "entry",
    [
        DeviceEntry(DEVICE, OURS, suspended=True),
        DeviceEntry(DEVICE, OURS, not_before=NOW_MS + 1),
    ],
)
async def test_a_device_that_is_limited_is_trusted_no_more(
    lwm2m: Door, entry: DeviceEntry
) -> None:
    identity = (await lwm2m.admitted(issued())).identity
    assert await lwm2m.gatekeeper.trusted([identity]) == [True]
    await lwm2m.writer.put([entry])
    assert await lwm2m.gatekeeper.trusted([identity]) == [False]
    assert entry.name in identity.rests_on


async def test_another_issuer_of_ours_is_known_from_now_on(lwm2m: Door) -> None:
    other = create_issuer("New issuer", now=NOW)
    subject = Subject(organizational_unit=OURS, common_name=KETTLE)
    certificate = chain(other, subject, locality=DEVICE)
    assert (await lwm2m.refused(certificate)).reason == "no account trusts its CA"
    lwm2m.gatekeeper.renew(replace(trust.ours(), issuer=other.export()))
    admission = await lwm2m.admitted(certificate)
    assert admission.identity.device == DEVICE
    assert admission.anchors == (other.certificate.der,)


async def test_what_another_secret_has_sealed_opens_nothing(redis_url: str) -> None:
    foreign = Keyring([b"x" * 32])
    async with door(redis_url, Service.LWM2M, keyring=foreign) as opened:
        await opened.writer.put([KEY])
        with pytest.raises(Unavailable):
            await opened.admit(SharedKey(b"who"))
