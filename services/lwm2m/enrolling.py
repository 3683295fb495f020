"""Signing the keys of devices that renew a certificate (EST-2 .. EST-5, EST-7).

A device asks for it on its own, or because it was asked to (B-163). It comes with what
bootstrap has handed to it, and that is renewed with the same names and another key. A
certificate of another name says which device it is, whatever was asked for.
"""

from datetime import UTC, datetime

from homeport.coap.answer import Answer, explain
from homeport.coap.codec import Code, Option
from homeport.errors import InvalidInput, InvalidName, NotAllowed
from homeport.identity import Identity, Means
from homeport.pki import csr, devices
from homeport.pki.authorities import Authority
from homeport.pki.installation import Installation
from homeport.pki.subjects import Subject
from homeport.protocol import certificate_renewals
from homeport.protocol.certificate_renewals import LWM2M
from homeport.runtime.quotas import Quotas
from services.lwm2m import observability

PATH = ("est", "sen")
"""Of what a device registers with; the name of another certificate stands between."""

PAUSE_SECONDS = 10
"""How often a device is given another certificate at most."""

_TOO_SOON = Answer(
    Code.TOO_MANY_REQUESTS, ((int(Option.MAX_AGE), bytes([PAUSE_SECONDS])),), keep=False
)


def certificate_of(path: tuple[str, ...]) -> str | None:
    """Return the name of the certificate that is renewed at a path, if there is one."""
    match path:
        case ("est", "sen"):
            return LWM2M
        case ("est", name, "sen"):
            try:
                return certificate_renewals.parse_name(name)
            except (InvalidName, NotAllowed):
                return None
        case _:
            return None


class Signer:
    """Signs with the installation's issuer, for so many ``days``."""

    def __init__(self, installation: Installation, *, days: float) -> None:
        self._days = days
        self._quotas = Quotas(1 / PAUSE_SECONDS)
        self.renew(installation)

    def renew(self, installation: Installation) -> None:
        """Sign with another issuer from now on."""
        self._authority = Authority.load(installation.issuer)

    def answer(
        self, certificate: str, document: bytes, identity: Identity, *, now: int
    ) -> Answer:
        """Answer who wants a certificate of a name; ``now`` is in ms since 1970."""
        try:
            chain = self._sign(certificate, document, identity, now)
        except NotAllowed as error:
            return explain(Code.FORBIDDEN, error)
        except InvalidInput as error:
            return explain(Code.BAD_REQUEST, error)
        if chain is None:
            return _TOO_SOON
        observability.record_enrolled(identity.name)
        return Answer(Code.CHANGED, payload=csr.build_reply(chain))

    def _sign(
        self, certificate: str, document: bytes, identity: Identity, now: int
    ) -> tuple[bytes, bytes] | None:
        """Return a certificate and the issuer's; None where the last one is too new.

        The names in the request have to be those of the certificate that the device
        registers with, if it is for that one (B-072). Raises NotAllowed and
        InvalidFormat.
        """
        account, device = identity.account, identity.device
        name = identity.endpoint_name
        if (
            identity.means is not Means.ISSUED
            or account is None
            or device is None
            or name is None
        ):
            raise NotAllowed("only a certificate from bootstrap can be renewed")
        if identity.suspended:
            raise NotAllowed("the device is suspended")
        asked = csr.parse(document)
        registers = certificate == LWM2M
        if registers and asked.subject != Subject(device, account, name):
            raise NotAllowed("the subject is another device's")
        if self._quotas.take(device, now / 1000):
            return None
        signed = devices.issue(
            self._authority,
            account=account,
            device=device if registers else None,
            endpoint_name=name,
            key=asked.key,
            now=datetime.fromtimestamp(now / 1000, UTC),
            days=self._days,
        )
        return signed, self._authority.certificate.der
