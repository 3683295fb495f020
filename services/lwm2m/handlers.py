"""From a device's request to an operation on its session, and from outcome to answer.

Plain functions: no socket, no store. Repeating any of them is harmless, since the store
answers a message that it has seen with what it answered first.
"""

from dataclasses import dataclass

import orjson

from homeport import names
from homeport.coap.answer import Answer, explain
from homeport.coap.codec import Code, Message, Option, Renewal
from homeport.errors import (
    InvalidInput,
    InvalidName,
    InvalidParameter,
    UnsupportedFormat,
    UnsupportedVersion,
)
from homeport.names import AccountId, DeviceId
from homeport.protocol import registration, structure
from homeport.protocol.linkformat import Link
from homeport.protocol.registration import IzumaLocation
from homeport.store.operations import (
    NOSEC_IDENTITY,
    Deregister,
    Operation,
    Outcome,
    Refresh,
    Register,
    Result,
    Update,
)
from homeport.store.sessions import StoredSession

UNAVAILABLE_SECONDS = 10
"""How long a device is asked to wait while the store is away (B-227)."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What does not change between requests: whose devices these are, and where."""

    account: AccountId
    buckets: int


@dataclass(frozen=True, slots=True)
class Delta:
    """An update that needs to see the session before it can be an operation."""

    update: Update
    links: tuple[Link, ...] | None
    binding: str | None


CHANGED = Answer(Code.CHANGED)
DELETED = Answer(Code.DELETED)
NOT_FOUND = Answer(Code.NOT_FOUND)

_CODES: tuple[tuple[type[InvalidInput], Code], ...] = (
    (UnsupportedVersion, Code.PRECONDITION_FAILED),
    (UnsupportedFormat, Code.UNSUPPORTED_CONTENT_FORMAT),
    (InvalidInput, Code.BAD_REQUEST),
)
"""Error to code, first match (B-197 .. B-200)."""


def refusal(error: InvalidInput, *, izuma: bool = False) -> Answer:
    """Answer a request that cannot become an operation, saying why.

    An Izuma device that hears 4.00 throws its credentials away (B-066).
    """
    code = next(code for kind, code in _CODES if isinstance(error, kind))
    if izuma and code is Code.BAD_REQUEST:
        code = Code.UNAUTHORIZED
    return explain(code, error)


def interpret(
    message: Message, *, peer: str, scene: Scene
) -> Operation | Delta | Answer:
    """Turn a request into an operation, or answer it at once."""
    path = message.path
    if path[:1] != ("rd",):
        return NOT_FOUND
    match message.code, len(path):
        case Code.POST, 1:
            return _register(message, peer, scene)
        case Code.POST, 2 | 3:
            return _update(message, peer, scene)
        case Code.DELETE, 2 | 3:
            return _deregister(message, peer, scene)
        case _:
            return Answer(Code.METHOD_NOT_ALLOWED)


def refresh(renewal: Renewal, *, peer: str, scene: Scene) -> Refresh | None:
    """Turn the hot request into its operation; None where its Location is none."""
    try:
        location = names.parse_registration_id(renewal.location)
    except InvalidName:
        return None
    device = names.device_of(location)
    return Refresh(
        names.bucket(device, scene.buckets),
        device,
        f"{peer}#{renewal.message_id}",
        NOSEC_IDENTITY,
        location,
        "",
        peer,
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


def unavailable(operation: Operation | Delta) -> Answer | None:
    """Say that the store is away; an Izuma device must not hear it (B-227)."""
    if _is_izuma(operation):
        return None
    return Answer(
        Code.SERVICE_UNAVAILABLE,
        ((Option.MAX_AGE, bytes([UNAVAILABLE_SECONDS])),),
        keep=False,
    )


def _register(message: Message, peer: str, scene: Scene) -> Register | Answer:
    izuma = any(query.startswith("mccv=") for query in message.queries)
    try:
        asked = registration.parse_register(
            message.queries,
            payload=message.payload,
            content_format=message.content_format,
        )
        if asked.endpoint_name is None:
            raise InvalidParameter("ep", "is missing")  # B-046, C-071
    except InvalidInput as error:
        return refusal(error, izuma=izuma)
    if asked.account not in (None, scene.account):
        return Answer(Code.UNAUTHORIZED if izuma else Code.FORBIDDEN)
    device = names.device_id(scene.account, asked.endpoint_name)
    return Register(
        bucket=names.bucket(device, scene.buckets),
        device=device,
        exchange=f"{peer}#{message.message_id}",
        identity=NOSEC_IDENTITY,
        account=scene.account,
        endpoint_name=asked.endpoint_name,
        registration=names.new_registration_id(device),
        profile="izuma" if asked.izuma else "standard",
        lifetime=asked.lifetime,
        binding=asked.binding,
        queue_mode=int(asked.queue_mode),
        version=asked.version,
        endpoint_type=asked.endpoint_type,
        parameters=orjson.dumps(dict(asked.parameters)).decode(),
        peer=peer,
        resources=structure.to_json(asked.structure),
    )


def _update(message: Message, peer: str, scene: Scene) -> Update | Delta | Answer:
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
        exchange=f"{peer}#{message.message_id}",
        identity=NOSEC_IDENTITY,
        location=location,
        account=account,
        peer=peer,
        lifetime=asked.lifetime if asked.lifetime is not None else "",
        endpoint_type=asked.endpoint_type or "",
        queue_mode=int(asked.queue_mode) if asked.queue_mode is not None else "",
    )
    if asked.links is None and asked.binding is None:
        return update
    return Delta(update, asked.links, asked.binding)


def _deregister(message: Message, peer: str, scene: Scene) -> Deregister | Answer:
    located = _locate(message.path)
    if located is None:
        return NOT_FOUND
    device, location, account = located
    return Deregister(
        bucket=names.bucket(device, scene.buckets),
        device=device,
        exchange=f"{peer}#{message.message_id}",
        identity=NOSEC_IDENTITY,
        location=location,
        account=account,
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


def _is_izuma(operation: Operation | Delta) -> bool:
    match operation:
        case Register():
            return operation.profile == "izuma"
        case Delta():
            return not operation.update.location
        case Update() | Refresh() | Deregister():
            return not operation.location
        case _:
            return False
