"""What the secured ports of an edge need: who we are, and whom we may believe."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson
import structlog

from homeport import names
from homeport.dtls.batches import Batches
from homeport.dtls.credentials import Refusal
from homeport.dtls.ports import Ports
from homeport.errors import InvalidFormat, Unavailable
from homeport.events.facts import FactName
from homeport.identity import Identity, Service
from homeport.names import EndpointName
from homeport.pki import installation
from homeport.pki.certificates import fingerprint
from homeport.pki.installation import Installation
from homeport.runtime import expirations
from homeport.runtime.config import EdgeSettings
from homeport.runtime.edge import Ground
from homeport.runtime.gatekeeper import Gatekeeper
from homeport.runtime.tasks import end, vital
from homeport.store.associations import AssociationStore
from homeport.store.cookies import CookieSecretStore
from homeport.store.entries import issuer_name
from homeport.store.operations import Outcome, Refuse
from homeport.store.resumptions import ResumptionStore
from homeport.store.trust_changes import TrustChanges
from homeport.store.trust_reader import TrustReader

WAIT_SECONDS = 0.5
"""How often the directory's authority is looked for, until it is there."""
REFUSALS_PER_SECOND = 20
"""Refused handshakes of which there are events; of more there are only metrics."""

_log = structlog.get_logger()


@dataclass(slots=True)
class Security:
    """What the secured ports of a service have in common.

    ``renewed`` hear of it when the installation's own certificates have been replaced,
    ``changed`` which entries of the trust view are others now, ``withdrawn`` whom we
    have served and trust no more.
    """

    installation: Installation
    ports: Ports
    changes: TrustChanges
    reader: TrustReader
    renewed: list[Callable[[Installation], None]] = field(default_factory=list)
    changed: list[Callable[[frozenset[str]], None]] = field(default_factory=list)
    withdrawn: list[Callable[[Identity], None]] = field(default_factory=list)

    async def renew(self) -> frozenset[str]:
        """Look whether the installation has other certificates; raise Unavailable.

        Returns the names of issuers that were good and are not any more.
        """
        text = await self.reader.authority()
        if text is None:
            return frozenset()
        before, found = self.installation, _parse(text)
        if found != before:
            self.installation = found
            expirations.show(found)
            for hear in self.renewed:
                hear(found)
            _log.info("certificates of the installation replaced")
        return frozenset(
            issuer_name(fingerprint(each))
            for each in set(before.issuers) - set(found.issuers)
        )


@asynccontextmanager
async def security(
    settings: EdgeSettings, base: Ground, *, service: Service
) -> AsyncIterator[Security]:
    """Entered: the directory has said who we are, and whom we may believe.

    Raises Unavailable while Redis is away, and where the secret is not the directory's.
    """
    keyring = settings.keyring
    reader = TrustReader(base.redis, keyring)
    ours = await _installation(reader)
    expirations.show(ours)

    def now_milliseconds() -> int:
        return base.clock.microseconds(base.clock.now()) // 1000

    withdrawn: list[Callable[[Identity], None]] = []

    def withdraw(identity: Identity) -> None:
        for hear in withdrawn:
            hear(identity)

    refusals = Refusals(base, settings.buckets, service=service)
    gatekeeper = Gatekeeper(
        reader,
        keyring,
        ours,
        service=service,
        days=settings.credential_days,
        direct=settings.direct_registration,
        owner=base.account,
        now_milliseconds=now_milliseconds,
    )
    ports = Ports(
        edge=base.edge,
        trust=gatekeeper,
        associations=AssociationStore(
            base.redis,
            edge=base.edge,
            service=service,
            keyring=keyring,
            seconds=settings.association_seconds,
        ),
        resumptions=None
        if service is Service.BOOTSTRAP
        else ResumptionStore(
            base.redis,
            service=service,
            keyring=keyring,
            seconds=settings.resumption_seconds,
        ),
        cookie_secrets=CookieSecretStore(
            base.redis, keyring=keyring, monotonic=base.clock.now
        ),
        refused=refusals.put,
        now_milliseconds=now_milliseconds,
        withdrawn=withdraw,
    )
    await ports.cookie_secrets.current()  # known, before the first hello comes
    recording = vital(refusals.run())
    try:
        changes = TrustChanges(base.redis, edge=base.edge)
        yield Security(
            ours, ports, changes, reader, [gatekeeper.renew], withdrawn=withdrawn
        )
    finally:
        await end(recording)


class Refusals:
    """Records whose credential opened nothing, as far as that is no flood (B-067)."""

    def __init__(self, base: Ground, buckets: int, *, service: Service) -> None:
        self._base = base
        self._buckets = buckets
        self._service = service
        self._left = float(REFUSALS_PER_SECOND)
        self._last = base.clock.now()
        self._recorded: Batches[Refuse, Outcome] = Batches(self._record)

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._recorded.run()

    def put(self, refusal: Refusal, peer: str) -> None:
        """Record a refusal of a peer."""
        _log.info(
            "credential refused",
            reason=refusal.reason,
            endpoint_name=refusal.endpoint_name,
            fingerprint=refusal.fingerprint,
            peer=peer,
        )
        now = self._base.clock.now()
        regained = (now - self._last) * REFUSALS_PER_SECOND
        self._left = min(self._left + regained, REFUSALS_PER_SECOND)
        self._last = now
        if self._left >= 1:
            self._left -= 1
            self._recorded.put(self._operation(refusal), _regardless)

    def _operation(self, refusal: Refusal) -> Refuse:
        account = refusal.account or names.PLATFORM_ACCOUNT
        name = EndpointName(refusal.endpoint_name)
        device = names.device_id(account, name)
        said = {"reason": refusal.reason, "fingerprint": refusal.fingerprint}
        fact = FactName.REGISTRATION_REFUSED
        if self._service is Service.BOOTSTRAP:
            fact = FactName.BOOTSTRAP_FAILED
            said |= {
                "step": "handshake",
                "code": "",
                "trusted_certificate_id": refusal.authority,
            }
        return Refuse(
            bucket=names.bucket(device, self._buckets),
            device=device,
            account=account,
            endpoint_name=name,
            fact=fact,
            body="," + orjson.dumps(said).decode()[1:-1],
        )

    async def _record(self, operations: Sequence[Refuse]) -> list[Outcome]:
        outcomes = await self._base.store.execute(
            operations, arrived=self._base.clock.now()
        )
        self._base.relay.recorded({each.bucket for each in operations})
        return outcomes


async def _installation(reader: TrustReader) -> Installation:
    """Wait for what the directory puts into the trust view at its first start."""
    said = False
    while (text := await reader.authority()) is None:
        if not said:
            _log.info("waits for the directory", wanted="its authority")
            said = True
        await asyncio.sleep(WAIT_SECONDS)
    return _parse(text)


def _parse(text: bytes) -> Installation:
    try:
        return installation.parse(text)
    except InvalidFormat as error:
        raise Unavailable("the trust view", str(error)) from error


def _regardless(_outcome: object) -> None:
    """Take it that a refusal could not be recorded: the log has it."""
