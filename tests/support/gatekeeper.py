"""The gatekeepers of services, and the credentials of devices that come to them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from homeport import names
from homeport.dtls.credentials import Admission, Chain, Credential, Refusal
from homeport.identity import Service
from homeport.keyring import Keyring
from homeport.names import AccountId, EndpointName
from homeport.pki import certificates, devices, keys, psk, subjects
from homeport.pki.authorities import Authority, create_issuer
from homeport.pki.subjects import Subject
from homeport.runtime.gatekeeper import Gatekeeper
from homeport.store.entries import RegisteredKey, TrustedCertificate
from homeport.store.trust_reader import TrustReader
from homeport.store.trust_writer import TrustWriter
from tests.support import trust
from tests.support.sessions import edge
from tests.support.trust import KEYRING

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
    """Open the gatekeeper of one service, on a store."""
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


def leaf(*, name: str = "kettle", unit: str = "", by: Authority = FACTORY) -> Chain:
    """Make the certificate of a device as its factory does."""
    return chain(by, Subject(organizational_unit=unit, common_name=name))


def chain(by: Authority, subject: Subject, *, locality: str = "") -> Chain:
    """Make the certificate of a subject, signed by an authority."""
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
