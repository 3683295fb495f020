"""Who a peer with some credential would be, by the trust view.

The first that matches decides (B-033 .. B-039, B-040, B-226): a key or a developer
certificate that an account registered, a credential that we issued, a certificate of a
CA that an account trusts. Everything that a batch of handshakes asks is one round trip.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from homeport import names
from homeport.dtls.credentials import (
    Admission,
    Chain,
    Credential,
    Refusal,
    SharedKey,
)
from homeport.errors import InvalidFormat, InvalidName
from homeport.identity import Identity, Means, Service
from homeport.keyring import Keyring
from homeport.names import AccountId, DeviceId
from homeport.pki import devices, psk, trusted
from homeport.pki.installation import Installation
from homeport.pki.issuers import Issuers
from homeport.pki.psk import IssuedIdentity
from homeport.pki.trusted import Presented
from homeport.runtime import certified
from homeport.runtime.certified import DIGEST_LENGTH, NOT_ONES_OWN
from homeport.store import entries
from homeport.store.entries import DeviceEntry, RegisteredKey
from homeport.store.trust_reader import ChainEntries, TrustReader

DAY_MILLISECONDS = 86_400_000


@dataclass(frozen=True, slots=True)
class Shown:
    """A credential as far as it can be read before anything is known of it.

    ``presented`` is of a chain; ``device`` is what a credential of ours would name.
    """

    credential: Credential
    presented: Presented | None = None
    recognized: IssuedIdentity | None = None
    device: DeviceId | None = None


class Gatekeeper:
    """Answers the handshakes of one service; fulfills `homeport.dtls` Trust.

    ``installation`` has the CAs of our own credentials, and a key that we issued is
    good for so many ``days``. ``direct`` says that devices may come to the
    LwM2M server with credentials from the factory (B-079). ``owner`` is the account
    whose CAs need no further proof: the installation is its own.
    """

    def __init__(
        self,
        reader: TrustReader,
        keyring: Keyring,
        installation: Installation,
        *,
        service: Service,
        days: float,
        direct: bool,
        owner: AccountId,
        now_milliseconds: Callable[[], int],
    ) -> None:
        self._reader = reader
        self._keyring = keyring
        self._service = service
        self.renew(installation)
        self._life = int(days * DAY_MILLISECONDS)
        self._direct = direct
        self._owner = owner
        self._now = now_milliseconds

    def renew(self, installation: Installation) -> None:
        """Know our own credentials by other CAs from now on."""
        self._issuers = Issuers(installation)
        self._issuer_names = frozenset(
            map(entries.issuer_name, self._issuers.fingerprints)
        )

    async def admit(
        self, credentials: Sequence[Credential]
    ) -> list[Admission | Refusal]:
        """Say of each who a peer that holds it would be; raise Unavailable."""
        shown = [self._read(credential) for credential in credentials]
        keys = [each.identity for each in credentials if isinstance(each, SharedKey)]
        chains = [each.presented for each in shown if each.presented is not None]
        ours = [each.device for each in shown if each.device is not None]
        found_keys, found_chains, found_devices = await asyncio.gather(
            self._reader.registered_keys(self._service, keys),
            self._reader.chains([(each.fingerprint, each.issuers) for each in chains]),
            self._reader.devices(ours),
        )
        registered, known = iter(found_keys), iter(found_chains)
        limits = iter(found_devices)
        return [
            self._decide(
                each,
                next(registered) if isinstance(each.credential, SharedKey) else None,
                next(known) if each.presented is not None else None,
                next(limits) if each.device is not None else None,
            )
            for each in shown
        ]

    async def trusted(self, identities: Sequence[Identity]) -> list[bool]:
        """Say of each whether it still is who it was; raise Unavailable."""
        now = self._now()
        return [
            stands and not 0 < identity.expires <= now and self._is_of_ours(identity)
            for identity, stands in zip(
                identities, await self._reader.stand(identities), strict=True
            )
        ]

    def _read(self, credential: Credential) -> Shown:
        match credential:
            case SharedKey(identity):
                issued = psk.recognize(identity) if self._is_lwm2m else None
                return Shown(
                    credential,
                    recognized=issued,
                    device=issued.device if issued is not None else None,
                )
            case Chain(chain):
                try:
                    presented = trusted.read_chain(chain)
                except InvalidFormat:
                    return Shown(credential)
                return Shown(credential, presented, device=self._named(presented))

    def _named(self, presented: Presented) -> DeviceId | None:
        """Return the device that a certificate of ours is for."""
        if not self._is_lwm2m or not self._issuers.know(presented.issuers[0]):
            return None
        try:
            return names.parse_device_id(presented.subject.locality)
        except InvalidName:
            return None

    def _is_of_ours(self, identity: Identity) -> bool:
        """Say whether the issuer that somebody rests on, if any, is trusted still."""
        return all(
            name in self._issuer_names
            for name in identity.rests_on
            if entries.is_issuer(name)
        )

    @property
    def _is_lwm2m(self) -> bool:
        return self._service is Service.LWM2M

    def _decide(
        self,
        shown: Shown,
        registered: RegisteredKey | None,
        known: ChainEntries | None,
        limits: DeviceEntry | None,
    ) -> Admission | Refusal:
        match shown.credential:
            case SharedKey(identity):
                if registered is not None:
                    return self._registered(registered)
                issued = self._issued_key(identity, shown.recognized, limits)
                return _restrained(issued, limits)
            case Chain(chain):
                if shown.presented is None or known is None:
                    return Refusal("the certificate can not be read", alerts=False)
                if self._issuers.know(shown.presented.issuers[0]):
                    return _restrained(
                        self._issued_certificate(chain[0], shown.presented, limits),
                        limits,
                    )
                if known.pin is not None:
                    return self._pinned(chain[0], shown.presented, known)
                return certified.decide(
                    shown.presented,
                    known.authorities,
                    service=self._service,
                    direct=self._direct,
                    owner=self._owner,
                )

    def _registered(self, key: RegisteredKey) -> Admission | Refusal:
        if self._is_lwm2m and not self._direct:
            return Refusal(
                "direct registration is off",
                account=key.account,
                endpoint_name=key.endpoint_name,
            )
        identity = Identity(
            f"psk:{hashlib.sha256(key.identity).hexdigest()[:DIGEST_LENGTH]}",
            Means.SHARED_KEY,
            account=key.account,
            endpoint_name=key.endpoint_name,
            rests_on=(key.name,),
        )
        return Admission(identity, key=key.key)

    def _issued_key(
        self,
        presented: bytes,
        issued: IssuedIdentity | None,
        limits: DeviceEntry | None,
    ) -> Admission | Refusal:
        unknown = Refusal(
            "the PSK identity is unknown",
            endpoint_name=presented.decode()[: names.ENDPOINT_NAME_LENGTH],
        )
        if issued is None or limits is None:
            return unknown
        key = psk.key(self._keyring, presented, account=limits.account)
        if key is None:
            return unknown
        expires = issued.issued + self._life
        refusal = _revoked(limits, issued.issued)
        if refusal is None and expires <= self._now():
            refusal = Refusal("the credential has expired", account=limits.account)
        if refusal is not None:
            return refusal
        identity = Identity(
            f"issued:{issued.device}",
            Means.ISSUED,
            account=limits.account,
            device=issued.device,
            rests_on=(entries.device_name(issued.device),),
            issued=issued.issued,
            expires=expires,
        )
        return Admission(identity, key=key)

    def _issued_certificate(
        self, certificate: bytes, presented: Presented, limits: DeviceEntry | None
    ) -> Admission | Refusal:
        if not self._is_lwm2m:
            return Refusal(
                "a certificate for the LwM2M server opens no bootstrap",  # B-005
                fingerprint=presented.fingerprint,
            )
        try:
            issued = devices.read(certificate)
            issuer = self._issuers.find(presented.issuers[0], certificate)
        except InvalidFormat as error:
            return Refusal(str(error), fingerprint=presented.fingerprint)
        refusal = _revoked(limits, issued.issued) if limits is not None else None
        if issuer is None:
            return refusal or Refusal(
                "its issuer has been withdrawn",
                account=limits.account if limits is not None else None,
                fingerprint=issued.fingerprint,
            )
        if refusal is not None:
            return refusal
        identity = Identity(
            f"issued:{issued.device}",
            Means.ISSUED,
            account=issued.account,
            endpoint_name=issued.endpoint_name,
            device=issued.device,
            rests_on=(
                entries.device_name(issued.device),
                entries.issuer_name(issuer.fingerprint),
            ),
            issued=issued.issued,
            expires=issued.expires,
            fingerprint=issued.fingerprint,
        )
        return Admission(identity, anchors=(issuer.der,))

    def _pinned(
        self, certificate: bytes, presented: Presented, known: ChainEntries
    ) -> Admission | Refusal:
        pin, fingerprint = known.pin, presented.fingerprint
        if pin is None or self._is_lwm2m:
            return Refusal(
                "a developer certificate opens bootstrap only",
                alerts=False,
                fingerprint=fingerprint,
            )
        if presented.subject.organizational_unit != pin.account:
            return Refusal(NOT_ONES_OWN, account=pin.account, fingerprint=fingerprint)
        identity = Identity(
            f"developer:{fingerprint}",
            Means.DEVELOPER,
            account=pin.account,
            rests_on=(pin.name,),
            expires=presented.expires,
            fingerprint=fingerprint,
        )
        return Admission(identity, anchors=(certificate,))


def _revoked(limits: DeviceEntry, issued: int) -> Refusal | None:
    if issued < limits.not_before:
        return Refusal("the credential is revoked", account=limits.account)
    return None


def _restrained(
    decision: Admission | Refusal, limits: DeviceEntry | None
) -> Admission | Refusal:
    """Let a suspended device hear no alert: it would lose its credentials (B-167)."""
    if limits is None or not limits.suspended:
        return decision
    if isinstance(decision, Refusal):
        return replace(decision, alerts=False)
    who = replace(decision.identity, suspended=True)
    return replace(decision, identity=who, alerts=False)
