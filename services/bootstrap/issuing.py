"""The credentials that a device is handed, by its kind and by what it came with.

All are made anew at each bootstrap (B-032, B-073). The private key of a certificate is
in no place but the message to its device.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from homeport.errors import InvalidParameter
from homeport.identity import Means, Service
from homeport.keyring import Keyring
from homeport.names import AccountId, DeviceId, EndpointName
from homeport.pki import csr, devices, psk
from homeport.pki.authorities import Authority
from homeport.pki.installation import Installation
from homeport.pki.keys import PublicKey
from homeport.pki.subjects import Subject
from homeport.protocol import plans
from homeport.protocol.handover import (
    Certificate,
    Enrollment,
    Mode,
    NoSec,
    Security,
    SharedKey,
)
from homeport.protocol.profiles import Profile

_DAY_MILLISECONDS = 86_400_000


@dataclass(slots=True)
class Issuer:
    """What credentials are made with; `renew` replaces all of it but the keyring.

    ``authority`` signs certificates of devices. ``server`` is the LwM2M server's own
    certificate and ``root`` that of its CA, both in DER. Credentials are good for so
    many ``days``. ``enrolls`` says that devices make their own keys if they can.
    """

    authority: Authority
    root: bytes
    server: bytes
    keyring: Keyring = field(repr=False)
    days: float
    enrolls: bool = False

    @classmethod
    def load(
        cls, installation: Installation, *, keyring: Keyring, days: float, enrolls: bool
    ) -> "Issuer":
        """Make one of what the installation has; raise InvalidFormat."""
        server = installation.servers[Service.LWM2M].certificate
        authority = Authority.load(installation.issuer)
        return cls(authority, installation.root, server, keyring, days, enrolls)

    def renew(self, installation: Installation) -> None:
        """Go on with what the installation has now; raise InvalidFormat."""
        self.authority = Authority.load(installation.issuer)
        self.root = installation.root
        self.server = installation.servers[Service.LWM2M].certificate


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who a credential is for, and what kind of device it is.

    ``said`` is what the device calls itself, which of a developer's devices is not
    their endpoint name (B-056).
    """

    account: AccountId
    device: DeviceId
    endpoint_name: EndpointName
    said: EndpointName | None
    profile: Profile
    means: Means


@dataclass(frozen=True, slots=True)
class Particulars:
    """What may be told of a credential (B-025, B-074).

    The fingerprints of its certificate and of the one that signed it are '' where there
    is none; ``expires`` is in milliseconds since 1970, 0 for never.
    """

    fingerprint: str = ""
    issuer: str = ""
    expires: int = 0


def issue(
    issuer: Issuer, recipient: Recipient, *, now_ms: int
) -> tuple[Security, Particulars]:
    """Make what a device is handed; ``now_ms`` is in milliseconds since 1970."""
    match plans.mode(recipient.profile, recipient.means, enrolls=issuer.enrolls):
        case Mode.NOSEC:
            return NoSec(), Particulars()
        case Mode.ENROLLMENT:
            return Enrollment(recipient.device, issuer.root), Particulars()
        case Mode.SHARED_KEY:
            return _shared_key(issuer, recipient, now_ms)
        case Mode.CERTIFICATE:
            return certificate(issuer, recipient, now_ms=now_ms)


def certificate(
    issuer: Issuer, recipient: Recipient, *, now_ms: int
) -> tuple[Certificate, Particulars]:
    """Make a certificate and its key, also for a device that can not enroll (EST-8)."""
    key, profile = devices.new_key(), recipient.profile
    signed, particulars = _sign(issuer, recipient, key, now_ms)
    server = issuer.server if profile.pins else issuer.root
    return Certificate(signed, server, key, profile.usage), particulars


def enroll(
    issuer: Issuer, recipient: Recipient, request: bytes, *, now_ms: int
) -> tuple[bytes, Particulars]:
    """Sign the key of a device that has made its own; return what it is answered.

    The names in its request have to be those of its bootstrap (B-072). Raises
    InvalidFormat and InvalidParameter.
    """
    asked = csr.parse(request)
    names = {recipient.endpoint_name, recipient.said or recipient.endpoint_name}
    if asked.subject not in [
        Subject(recipient.device, recipient.account, name) for name in names
    ]:
        raise InvalidParameter("subject", "is not L, OU and CN of this bootstrap")
    certificate, particulars = _sign(issuer, recipient, asked.key, now_ms)
    reply = csr.build_reply([certificate, issuer.authority.certificate.der])
    return reply, particulars


def _shared_key(
    issuer: Issuer, recipient: Recipient, now_ms: int
) -> tuple[Security, Particulars]:
    issued = psk.issue(
        issuer.keyring,
        account=recipient.account,
        device=recipient.device,
        now_ms=now_ms,
    )
    expires = now_ms + int(issuer.days * _DAY_MILLISECONDS)
    return SharedKey(issued.identity, issued.key), Particulars(expires=expires)


def _sign(
    issuer: Issuer, recipient: Recipient, key: PublicKey | bytes, now_ms: int
) -> tuple[bytes, Particulars]:
    certificate = devices.issue(
        issuer.authority,
        account=recipient.account,
        device=recipient.device,
        endpoint_name=recipient.endpoint_name,
        key=key,
        now=datetime.fromtimestamp(now_ms / 1000, UTC),
        days=issuer.days,
    )
    issued = devices.read(certificate)
    particulars = Particulars(
        issued.fingerprint, issuer.authority.certificate.fingerprint, issued.expires
    )
    return certificate, particulars
