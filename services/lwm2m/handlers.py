"""From a device's request to an operation on its session, and from outcome to answer.

Plain functions: no socket, no store. Repeating any of them is harmless, since the store
answers a message that it has seen with what it answered first.
"""

from dataclasses import dataclass

import orjson

from homeport import names
from homeport.coap.answer import Answer, explain
from homeport.coap.codec import Code, Message, Option, Renewal
from homeport.coap.transport import Origin
from homeport.errors import (
    InvalidInput,
    InvalidName,
    NotAllowed,
    UnsupportedFormat,
    UnsupportedVersion,
)
from homeport.events.facts import FactName
from homeport.names import AccountId, DeviceId, EndpointName
from homeport.protocol import ownership, registration, structure
from homeport.protocol.linkformat import Link
from homeport.protocol.registration import IzumaLocation, RegisterRequest
from homeport.store.operations import (
    Deregister,
    Operation,
    Outcome,
    Refresh,
    Refuse,
    Register,
    Result,
    Update,
)
from homeport.store.sessions import StoredSession

UNAVAILABLE_SECONDS = 10
"""How long a device is asked to wait while the store is away (B-227)."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What does not change between requests.

    ``account`` owns devices without security. ``replaces`` says that another credential
    of an account may take over the name of a device (B-096).
    """

    account: AccountId
    buckets: int
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Denial:
    """A request that its sender's credential does not cover, on the record (B-067)."""

    operation: Refuse
    answer: Answer


@dataclass(frozen=True, slots=True)
class Delta:
    """An update that needs to see the session before it can be an operation."""

    update: Update
    links: tuple[Link, ...] | None
    binding: str | None


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, in which exchange, by which record (`Origin.mark`)."""

    origin: Origin
    exchange: str
    mark: str


CHANGED = Answer(Code.CHANGED)
DELETED = Answer(Code.DELETED)
NOT_FOUND = Answer(Code.NOT_FOUND)

_CODES: tuple[tuple[type[InvalidInput], Code], ...] = (
    (UnsupportedVersion, Code.PRECONDITION_FAILED),
    (UnsupportedFormat, Code.UNSUPPORTED_CONTENT_FORMAT),
    (NotAllowed, Code.FORBIDDEN),
    (InvalidInput, Code.BAD_REQUEST),
)
"""Error to code, first match (B-197 .. B-200)."""


def refusal(error: InvalidInput, *, izuma: bool = False) -> Answer:
    """Answer a request that cannot become an operation, saying why.

    An Izuma device that hears 4.00 or 4.03 throws its credentials away (B-066).
    """
    code = next(code for kind, code in _CODES if isinstance(error, kind))
    if izuma and code in (Code.BAD_REQUEST, Code.FORBIDDEN):
        code = Code.UNAUTHORIZED
    return explain(code, error)


def interpret(
    message: Message, *, origin: Origin, sequence: int, scene: Scene
) -> Operation | Delta | Denial | Answer:
    """Turn a request into an operation, or answer it at once."""
    path = message.path
    if path[:1] != ("rd",):
        return NOT_FOUND
    asker = Asker(origin, origin.exchange(message.message_id), origin.mark(sequence))
    match message.code, len(path):
        case Code.POST, 1:
            return _register(message, asker, scene)
        case Code.POST, 2 | 3:
            return _update(message, asker, scene)
        case Code.DELETE, 2 | 3:
            return _deregister(message, asker, scene)
        case _:
            return Answer(Code.METHOD_NOT_ALLOWED)


def refresh(
    renewal: Renewal, *, origin: Origin, sequence: int, scene: Scene
) -> Refresh | None:
    """Turn the hot request into its operation; None where its Location is none."""
    try:
        location = names.parse_registration_id(renewal.location)
    except InvalidName:
        return None
    device = names.device_of(location)
    return Refresh(
        names.bucket(device, scene.buckets),
        device,
        f"{origin.exchanges}#{renewal.message_id}",
        origin.identity.name,
        location,
        "",
        origin.peer,
        origin.mark(sequence),
        origin.generation,
    )


def resolve(delta: Delta, session: StoredSession | None) -> Update | Answer:
    """Turn a delta into an operation on the session that was read for it.

    It is written only if the session is still that one.
    """
    if session is None:
        return NOT_FOUND
    resources, binding = "", ""
    try:
        if delta.links is not None:
            resources = _merged(delta.links, session)
        if delta.binding is not None:
            registration.check_binding(delta.binding, session.lwm2m_version)
            binding = delta.binding
    except InvalidInput as error:
        return refusal(error, izuma=session.profile == "izuma")
    return delta.update._replace(
        if_revision=session.revision, resources=resources, binding=binding
    )


def answer(operation: Operation, outcome: Outcome) -> Answer | None:
    """Say what came of an operation; None is silence, and the device repeats itself."""
    match outcome.result:
        case Result.UPDATED:
            return CHANGED
        case Result.REGISTERED:
            return _created(operation, outcome)
        case Result.DEREGISTERED:
            return DELETED
        case Result.UNKNOWN:
            return NOT_FOUND
        case Result.HELD:
            return _held(outcome)
        case _:
            return None


def unavailable(operation: Operation | Delta | Denial) -> Answer | None:
    """Say that the store is away; an Izuma device must not hear it (B-227)."""
    if _is_izuma(operation):
        return None
    return Answer(
        Code.SERVICE_UNAVAILABLE,
        ((Option.MAX_AGE, bytes([UNAVAILABLE_SECONDS])),),
        keep=False,
    )


def _register(
    message: Message, asker: Asker, scene: Scene
) -> Register | Denial | Answer:
    izuma = any(query.startswith("mccv=") for query in message.queries)
    try:
        asked = registration.parse_register(
            message.queries,
            payload=message.payload,
            content_format=message.content_format,
        )
        return _registered(asked, asker, scene)
    except NotAllowed as error:
        return _denial(error, asker, scene, izuma=izuma)
    except InvalidInput as error:
        return refusal(error, izuma=izuma)


def _registered(asked: RegisterRequest, asker: Asker, scene: Scene) -> Register:
    origin = asker.origin
    identity = origin.identity
    account = ownership.account(identity, asked.account, default=scene.account)
    name = ownership.endpoint_name(identity, asked.endpoint_name)
    device = ownership.device(identity, account, name)
    return Register(
        bucket=names.bucket(device, scene.buckets),
        device=device,
        exchange=asker.exchange,
        identity=identity.name,
        account=account,
        endpoint_name=name,
        registration=names.new_registration_id(device),
        profile="izuma" if asked.izuma else "standard",
        lifetime=asked.lifetime,
        binding=asked.binding,
        queue_mode=int(asked.queue_mode),
        version=asked.version,
        endpoint_type=asked.endpoint_type,
        parameters=orjson.dumps(dict(asked.parameters)).decode(),
        peer=origin.peer,
        resources=structure.to_json(asked.structure),
        mark=asker.mark,
        generation=origin.generation,
        issued=identity.issued,
        replace=int(scene.replaces),
    )


def _denial(error: NotAllowed, asker: Asker, scene: Scene, *, izuma: bool) -> Denial:
    """Refuse a device whose credential says otherwise than it does."""
    identity = asker.origin.identity
    account = identity.account or names.PLATFORM_ACCOUNT
    name = identity.endpoint_name or EndpointName("")
    device = identity.device or names.device_id(account, name)
    said = {"reason": error.reason, "fingerprint": identity.fingerprint}
    return Denial(
        Refuse(
            bucket=names.bucket(device, scene.buckets),
            device=device,
            account=account,
            endpoint_name=name,
            fact=FactName.REGISTRATION_REFUSED,
            body="," + orjson.dumps(said).decode()[1:-1],
        ),
        refusal(error, izuma=izuma),
    )


def _update(message: Message, asker: Asker, scene: Scene) -> Update | Delta | Answer:
    located = _locate(message.path)
    if located is None:
        return NOT_FOUND
    device, location, account = located
    try:
        asked = registration.parse_update(
            message.queries,
            payload=message.payload,
            content_format=message.content_format,
        )
    except InvalidInput as error:
        return refusal(error, izuma=not location)
    update = Update(
        bucket=names.bucket(device, scene.buckets),
        device=device,
        exchange=asker.exchange,
        identity=asker.origin.identity.name,
        location=location,
        account=account,
        peer=asker.origin.peer,
        lifetime=asked.lifetime if asked.lifetime is not None else "",
        endpoint_type=asked.endpoint_type or "",
        queue_mode=int(asked.queue_mode) if asked.queue_mode is not None else "",
        mark=asker.mark,
        generation=asker.origin.generation,
    )
    if asked.links is None and asked.binding is None:
        return update
    return Delta(update, asked.links, asked.binding)


def _deregister(message: Message, asker: Asker, scene: Scene) -> Deregister | Answer:
    located = _locate(message.path)
    if located is None:
        return NOT_FOUND
    device, location, account = located
    return Deregister(
        bucket=names.bucket(device, scene.buckets),
        device=device,
        exchange=asker.exchange,
        identity=asker.origin.identity.name,
        location=location,
        account=account,
        mark=asker.mark,
        generation=asker.origin.generation,
    )


def _locate(path: tuple[str, ...]) -> tuple[DeviceId, str, str] | None:
    """Return device, registration and account of a Location; one of the two is ''."""
    try:
        located = registration.parse_location(path)
    except InvalidName:
        return None
    if isinstance(located, IzumaLocation):
        return located.device, "", located.account
    return names.device_of(located), located, ""


def _merged(links: tuple[Link, ...], session: StoredSession) -> str:
    if session.profile == "izuma":
        stored = structure.from_json(session.resources)
        return structure.to_json(structure.merge(stored, links))
    return structure.to_json(structure.from_links(links))


def _created(operation: Operation, outcome: Outcome) -> Answer | None:
    if not isinstance(operation, Register) or not outcome.registration:
        return None
    path = registration.location(
        operation.account,
        operation.device,
        names.parse_registration_id(outcome.registration),
        izuma=operation.profile == "izuma",
    )
    return Answer(
        Code.CREATED,
        tuple((Option.LOCATION_PATH, segment.encode()) for segment in path),
    )


def _held(outcome: Outcome) -> Answer | None:
    if outcome.profile == "izuma":
        return None  # B-118: it would not understand 4.29 and comes back by itself
    seconds = max(1, -(-outcome.held_milliseconds // 1000))
    return Answer(
        Code.TOO_MANY_REQUESTS, ((Option.MAX_AGE, bytes([seconds])),), keep=False
    )


def _is_izuma(operation: Operation | Delta | Denial) -> bool:
    match operation:
        case Register():
            return operation.profile == "izuma"
        case Delta():
            return not operation.update.location
        case Update() | Refresh() | Deregister():
            return not operation.location
        case _:
            return False
