"""From a bootstrap request to what is recorded and asked, and from its end to a fact.

Plain functions: no socket, no store. Repeating any of them is harmless: the store knows
the message that began an attempt, and lets only the newest attempt end.
"""

import hashlib
import secrets
import uuid
from dataclasses import dataclass

from homeport import names
from homeport.coap.answer import Answer, explain
from homeport.coap.codec import Code, Message, Option, code_text
from homeport.coap.transport import Origin
from homeport.errors import InvalidInput, NotAllowed
from homeport.events.facts import FactName
from homeport.identity import Identity, Means
from homeport.names import AccountId, DeviceId, EndpointName
from homeport.protocol import bootstrap, ownership
from homeport.protocol.bootstrap import (
    ENROLLMENT_PATH,
    BootstrapRequest,
    BootstrapSession,
    Failed,
    Finished,
)
from homeport.protocol.handover import Handover, NoSec, Security
from homeport.store.entries import Claim, DeviceEntry
from homeport.store.operations import Bootstrap, Bootstrapped, Outcome, Refuse, Result
from services.bootstrap import bodies
from services.bootstrap.issuing import Issuer, Particulars, Recipient

UNAVAILABLE_SECONDS = 10
"""How long a device is asked to wait; Izuma's takes its own backoff (BO-1)."""

PATH = ("bs",)


@dataclass(frozen=True, slots=True)
class Scene:
    """What does not change between requests: whose devices come, and where they go.

    ``account`` owns devices without security. They are sent to the LwM2M server at
    ``coap``, all others to ``coaps``, and register for ``lifetime`` seconds if nothing
    else tells them for how long.
    """

    account: AccountId
    buckets: int
    issuer: Issuer
    coap: str
    coaps: str
    lifetime: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to bootstrap; what the trust view says of ``device`` decides.

    ``endpoint_name`` is nothing for a developer's device, whose name is its id (B-056);
    whether ``device`` is that id depends (B-050).
    """

    request: BootstrapRequest
    origin: Origin
    exchange: str
    mark: str
    account: AccountId
    device: DeviceId
    endpoint_name: EndpointName | None


@dataclass(frozen=True, slots=True)
class Claiming:
    """A request to bootstrap whose account an ownership claim decides (B-035)."""

    request: BootstrapRequest
    origin: Origin
    exchange: str
    mark: str
    endpoint_name: EndpointName


@dataclass(frozen=True, slots=True)
class Enroll:
    """A request for a certificate, by a device that has made its key (EST-2)."""

    document: bytes


@dataclass(frozen=True, slots=True)
class Attempt:
    """A bootstrap that may begin; ``iep`` is the id that the device claims (B-059)."""

    operation: Bootstrap
    recipient: Recipient
    identity: Identity
    iep: DeviceId | None

    @property
    def introduction(self) -> DeviceEntry | None:
        """What edges have to know before this device comes to them (B-020).

        A PSK that we issue names only the device, and the id that a developer's device
        claims is believed only if it is known (B-050).
        """
        if self.identity.means not in (Means.SHARED_KEY, Means.DEVELOPER):
            return None
        return DeviceEntry(
            self.recipient.device,
            self.recipient.account,
            developer=bodies.developer(self.identity),
        )


@dataclass(frozen=True, slots=True)
class Denial:
    """A request that its sender's credential does not cover, on the record (B-067)."""

    operation: Refuse
    answer: Answer


CHANGED = Answer(Code.CHANGED)
NOT_FOUND = Answer(Code.NOT_FOUND)
UNAVAILABLE = Answer(
    Code.SERVICE_UNAVAILABLE,
    ((Option.MAX_AGE, bytes([UNAVAILABLE_SECONDS])),),
    keep=False,
)


def interpret(
    message: Message, *, origin: Origin, sequence: int, scene: Scene
) -> Asked | Claiming | Enroll | Denial | Answer:
    """Say what a request is about, or answer it at once.

    Only with 4.00 and 4.03: other refusals would be an Izuma device's last (B-065).
    """
    if message.path not in (PATH, ENROLLMENT_PATH):
        return NOT_FOUND  # GET /bspack too: its client goes on with POST /bs (B-194)
    if message.code != Code.POST:
        return Answer(Code.METHOD_NOT_ALLOWED)
    if message.path == ENROLLMENT_PATH:
        return Enroll(message.payload)
    try:
        return _asked(message, origin, sequence, scene)
    except NotAllowed as error:
        return _unknown(error, origin.identity, scene)
    except InvalidInput as error:
        return explain(Code.BAD_REQUEST, error)


def claimed(claiming: Claiming, claim: Claim | None, *, scene: Scene) -> Asked | Denial:
    """Turn a request into one of the account that has claimed its device (B-138).

    Such an account trusts the device's CA besides.
    """
    identity, name = claiming.origin.identity, claiming.endpoint_name
    if claim is None or claim.account not in identity.accounts:
        error = NotAllowed("no account has claimed this device")  # B-139
        return _unknown(error, identity, scene)
    return Asked(
        claiming.request,
        claiming.origin,
        claiming.exchange,
        claiming.mark,
        claim.account,
        ownership.device(identity, claim.account, name),
        name,
    )


def resolve(
    asked: Asked, entry: DeviceEntry | None, *, scene: Scene
) -> Attempt | Denial:
    """Turn a request into an attempt, once the entry of its device is read."""
    identity = asked.origin.identity
    device = asked.device
    if asked.endpoint_name is None and not _is_own(entry, asked):
        device, entry = new_device(asked.origin), None
    name = asked.endpoint_name or EndpointName(device)
    if entry is not None and entry.suspended:
        error = NotAllowed("the device is suspended")  # B-167
        return _denial(
            error,
            identity,
            scene,
            account=asked.account,
            device=device,
            endpoint_name=name,
        )
    return Attempt(
        Bootstrap(
            bucket=names.bucket(device, scene.buckets),
            device=device,
            exchange=asked.exchange,
            account=asked.account,
            endpoint_name=name,
            attempt=secrets.token_hex(8),
            mark=asked.mark,
            generation=asked.origin.generation,
        ),
        Recipient(
            asked.account,
            device,
            name,
            asked.request.endpoint_name,
            asked.request.profile,
            identity.means,
        ),
        identity,
        asked.request.iep,
    )


def new_device(origin: Origin) -> DeviceId:
    """Make the id of a developer's device that has none yet: a UUIDv4 (B-051).

    It is drawn from the id of its association, which is random itself. So every retry
    there leads to the same device, whichever edge it reaches, and nothing is stored.
    """
    drawn = hashlib.sha256(origin.exchanges.encode()).digest()[:16]
    return DeviceId(uuid.UUID(bytes=drawn, version=4).hex)


def begin(attempt: Attempt, security: Security, *, scene: Scene) -> BootstrapSession:
    """Begin to tell a device where to go, and with which credentials."""
    to = attempt.recipient
    base = scene.coap if isinstance(security, NoSec) else scene.coaps
    uri = bootstrap.server_uri(base, to.account, to.device, to.profile)
    return bootstrap.begin(to.profile, Handover(uri, scene.lifetime, security))


def answer(outcome: Outcome) -> Answer | None:
    """Say what came of a beginning; None is silence, and the device repeats itself."""
    match outcome.result:
        case Result.BOOTSTRAPPING | Result.REPEATED:
            return CHANGED
        case _:
            return None


def ended(
    attempt: Attempt, end: Finished | Failed, particulars: Particulars
) -> Bootstrapped:
    """Turn the end of an attempt into the operation that records it."""
    identity, begun = attempt.identity, attempt.operation
    match end:
        case Finished():
            fact = FactName.DEVICE_BOOTSTRAPPED
            body = bodies.bootstrapped(identity, particulars)
        case Failed(step, code, reason):
            fact = FactName.BOOTSTRAP_FAILED
            body = bodies.failed(step, code, reason, fingerprint=identity.fingerprint)
    return Bootstrapped(
        bucket=begun.bucket,
        device=begun.device,
        attempt=begun.attempt,
        account=begun.account,
        endpoint_name=begun.endpoint_name,
        fact=fact,
        body=body,
    )


def _asked(
    message: Message, origin: Origin, sequence: int, scene: Scene
) -> Asked | Claiming:
    request = bootstrap.parse_request(
        message.queries, has_max_age=message.value(Option.MAX_AGE) is not None
    )
    identity = origin.identity
    exchange, mark = origin.exchange(message.message_id), origin.mark(sequence)
    if identity.enrolls and request.account is None:
        proved = ownership.endpoint_name(identity, request.endpoint_name)
        return Claiming(request, origin, exchange, mark, proved)
    account = ownership.account(identity, request.account, default=scene.account)
    name: EndpointName | None = None
    if identity.means is Means.DEVELOPER:
        device = request.iep or new_device(origin)
    else:
        name = ownership.endpoint_name(identity, request.endpoint_name)
        device = ownership.device(identity, account, name)
    return Asked(
        request,
        origin,
        exchange,
        mark,
        account,
        device,
        name,
    )


def _is_own(entry: DeviceEntry | None, asked: Asked) -> bool:
    """Say whether it is of a device that came with this certificate before."""
    return (
        entry is not None
        and entry.account == asked.account
        and entry.developer == asked.origin.identity.fingerprint
    )


def _unknown(error: NotAllowed, identity: Identity, scene: Scene) -> Denial:
    """Deny a device of which no more is known than what it has proved."""
    account = identity.account or names.PLATFORM_ACCOUNT
    name = identity.endpoint_name or EndpointName("")
    device = identity.device or names.device_id(account, name)
    return _denial(
        error, identity, scene, account=account, device=device, endpoint_name=name
    )


def _denial(
    error: NotAllowed,
    identity: Identity,
    scene: Scene,
    *,
    account: AccountId,
    device: DeviceId,
    endpoint_name: EndpointName,
) -> Denial:
    refusal = explain(Code.FORBIDDEN, error)
    return Denial(
        Refuse(
            bucket=names.bucket(device, scene.buckets),
            device=device,
            account=account,
            endpoint_name=endpoint_name,
            fact=FactName.BOOTSTRAP_FAILED,
            body=bodies.failed(
                f"POST /{'/'.join(PATH)}",
                code_text(refusal.code),
                error.reason,
                fingerprint=identity.fingerprint,
            ),
        ),
        refusal,
    )
