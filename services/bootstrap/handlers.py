"""From a bootstrap request to what is recorded and asked, and from its end to a fact.

Plain functions: no socket, no store. Repeating any of them is harmless: the store knows
the message that began an attempt, and lets only the newest attempt end.
"""

import hashlib
import secrets
import uuid
from dataclasses import replace

from homeport import names
from homeport.coap.answer import Answer, explain
from homeport.coap.codec import Code, Message, Option
from homeport.coap.transport import Origin
from homeport.errors import InvalidInput, NotAllowed
from homeport.events.facts import FactName
from homeport.identity import Means
from homeport.names import DeviceId, EdgeId, EndpointName
from homeport.protocol import alterations, bootstrap_requests, ownership, plans
from homeport.protocol.bootstrap import (
    ENROLLMENT_PATH,
    PACK_PATH,
    Failed,
    Finished,
)
from homeport.protocol.bootstrap_requests import PACK_FORMATS, BootstrapRequest
from homeport.protocol.configurations import Configuration
from homeport.protocol.handover import Handover, NoSec, Security
from homeport.protocol.plans import Plan
from homeport.store.entries import Claim, DeviceEntry
from homeport.store.operations import Bootstrap, Bootstrapped, Outcome, Result
from services.bootstrap import bodies, denials
from services.bootstrap.attempts import (
    Asked,
    Attempt,
    Claiming,
    Denial,
    Enroll,
    Scene,
)
from services.bootstrap.issuing import Particulars, Recipient

UNAVAILABLE_SECONDS = 10
"""How long a device is asked to wait; Izuma's takes its own backoff (BO-1)."""

PATH = ("bs",)
_METHODS = {PATH: Code.POST, PACK_PATH: Code.GET, ENROLLMENT_PATH: Code.POST}
_ACCEPTED = (None, *PACK_FORMATS)
_SEPARATOR = ":"
"""Between the edge and the token of an attempt's name."""


CHANGED = Answer(Code.CHANGED)
NOT_FOUND = Answer(Code.NOT_FOUND)
NO_PACK = explain(Code.NOT_FOUND, "no Bootstrap-Pack is offered")
UNAVAILABLE = Answer(
    Code.SERVICE_UNAVAILABLE,
    ((Option.MAX_AGE, bytes([UNAVAILABLE_SECONDS])),),
    keep=False,
)


def interpret(  # noqa: PLR0911 # one for each refusal
    message: Message, *, origin: Origin, sequence: int, scene: Scene
) -> Asked | Claiming | Enroll | Denial | Answer:
    """Say what a request is about, or answer it at once.

    Only with 4.00 and 4.03: other refusals would be an Izuma device's last (B-065).
    """
    if message.path not in _METHODS:
        return NOT_FOUND
    if message.code != _METHODS[message.path]:
        return Answer(Code.METHOD_NOT_ALLOWED)
    if message.path == ENROLLMENT_PATH:
        return Enroll(message.payload)
    if message.path == PACK_PATH and message.number(Option.ACCEPT) not in _ACCEPTED:
        return Answer(Code.NOT_ACCEPTABLE)
    try:
        return _asked(_request(message), message, origin, sequence, scene)
    except NotAllowed as error:
        return denials.unknown(error, origin.identity, scene)
    except InvalidInput as error:
        return explain(Code.BAD_REQUEST, error)


def claimed(claiming: Claiming, claim: Claim | None, *, scene: Scene) -> Asked | Denial:
    """Turn a request into one of the account that has claimed its device (B-138).

    Such an account trusts the device's CA besides.
    """
    identity, name = claiming.origin.identity, claiming.endpoint_name
    if claim is None or claim.account not in identity.accounts:
        error = NotAllowed("no account has claimed this device")  # B-139
        return denials.unknown(error, identity, scene)
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
        return denials.known(
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
            attempt=_new_attempt(scene),
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
        asked.request.content_format,
        asked.request.packed,
    )


def configured(
    attempt: Attempt, configuration: Configuration | None
) -> Attempt | Answer:
    """Let a device be what its account says, and be given what that wants.

    Who asks for all of it at once may have to ask for one thing after another (B-194).
    """
    if attempt.packed and not (configuration and configuration.offers_pack):
        return NO_PACK
    if configuration is None:
        return attempt
    recipient = attempt.recipient
    profile = alterations.alter(recipient.profile, configuration.alterations)
    return replace(
        attempt,
        recipient=replace(recipient, profile=profile),
        configuration=configuration,
    )


def afresh(attempt: Attempt, *, scene: Scene) -> Attempt:
    """Make another attempt of one whose edge has died on the way (B-228).

    Its message has been recorded, so it has to have another name; its record of the
    association has been seen, so it brings none.
    """
    token = _new_attempt(scene)
    operation = attempt.operation._replace(
        exchange=f"{attempt.operation.exchange}#{token}", attempt=token, mark=""
    )
    return replace(attempt, operation=operation)


def edge_of(attempt: str) -> EdgeId:
    """Return the edge at which an attempt was begun."""
    return EdgeId(attempt.rpartition(_SEPARATOR)[0])


def new_device(origin: Origin) -> DeviceId:
    """Make the id of a developer's device that has none yet: a UUIDv4 (B-051).

    It is drawn from the id of its association, which is random itself. So every retry
    there leads to the same device, whichever edge it reaches, and nothing is stored.
    """
    drawn = hashlib.sha256(origin.exchanges.encode()).digest()[:16]
    return DeviceId(uuid.UUID(bytes=drawn, version=4).hex)


def plan(attempt: Attempt, security: Security, *, scene: Scene, now_ms: int) -> Plan:
    """Say what a device is to be given: where to go, with which credentials, and so on.

    ``now_ms`` is in milliseconds since 1970.
    """
    to, configuration = attempt.recipient, attempt.configuration
    base = scene.coap if isinstance(security, NoSec) else scene.coaps
    uri = plans.server_uri(base, to.account, to.device, to.profile)
    handover = Handover(uri, scene.lifetime, security, configuration.short_server_id)
    return Plan(to.profile, handover, configuration, now_ms // 1000)


def answer(attempt: Attempt, outcome: Outcome) -> Answer | None:
    """Say what came of a beginning; None is silence, and the device repeats itself.

    What a device fetches at once cannot be made again; so it has to ask anew.
    """
    match outcome.result:
        case Result.BOOTSTRAPPING | Result.REPEATED if not attempt.packed:
            return CHANGED
        case _:
            return None


def ended(
    attempt: Attempt, end: Finished | Failed, particulars: Particulars
) -> Bootstrapped:
    """Turn the end of an attempt into the operation that records it."""
    identity, begun = attempt.identity, attempt.operation
    match end:
        case Finished(read):
            fact = FactName.DEVICE_BOOTSTRAPPED
            body = bodies.bootstrapped(identity, particulars, read)
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


def _request(message: Message) -> BootstrapRequest:
    if message.path == PACK_PATH:
        accept = message.number(Option.ACCEPT)
        return bootstrap_requests.parse_pack(message.queries, accept=accept)
    return bootstrap_requests.parse(
        message.queries, has_max_age=message.value(Option.MAX_AGE) is not None
    )


def _new_attempt(scene: Scene) -> str:
    return f"{scene.edge}{_SEPARATOR}{secrets.token_hex(8)}"


def _asked(
    request: BootstrapRequest,
    message: Message,
    origin: Origin,
    sequence: int,
    scene: Scene,
) -> Asked | Claiming:
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
