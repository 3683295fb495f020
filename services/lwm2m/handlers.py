"""From a device's request to an operation on its session, and from outcome to answer.

Plain functions: no socket, no store. Repeating any of them is harmless, since the store
answers a message that it has seen with what it answered first.
"""

from dataclasses import dataclass

import orjson

from homeport import names
from homeport.coap.answer import Answer
from homeport.coap.codec import Code, Message, Option, Renewal
from homeport.coap.transport import Origin
from homeport.errors import InvalidInput, InvalidName, NotAllowed
from homeport.events.facts import FactName
from homeport.names import AccountId, DeviceId, EndpointName
from homeport.protocol import ownership, profiles, registration, structure
from homeport.protocol.profiles import Profile
from homeport.protocol.registration import (
    FixedLocation,
    RegisterRequest,
    UpdateRequest,
)
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
from services.lwm2m import answers
from services.lwm2m.answers import CHANGED, DELETED, NOT_FOUND


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
    profile: Profile


@dataclass(frozen=True, slots=True)
class Delta:
    """An update that needs to see the session before it can be an operation."""

    update: Update
    asked: UpdateRequest


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, what kind of device, in which exchange, by which record (`Origin`)."""

    origin: Origin
    profile: Profile
    exchange: str
    mark: str


_PLAIN = {
    Result.UPDATED: CHANGED,
    Result.DEREGISTERED: DELETED,
    Result.UNKNOWN: NOT_FOUND,
}
_FIXED_LENGTH = 3
"""Segments of a fixed Location (B-092)."""
_ANOTHERS = "the endpoint name belongs to another credential"


def interpret(
    message: Message, *, origin: Origin, sequence: int, scene: Scene
) -> Operation | Delta | Denial | Answer:
    """Turn a request into an operation, or answer it at once."""
    path = message.path
    if path[:1] != ("rd",):
        return NOT_FOUND
    asker = Asker(
        origin,
        _profile(message),
        origin.exchange(message.message_id),
        origin.mark(sequence),
    )
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
    asked, profile = delta.asked, profiles.named(session.profile)
    update = delta.update._replace(if_revision=session.revision)
    if asked.links is not None:
        stored = structure.from_json(session.resources)
        listed = registration.restructured(stored, asked.links, profile)
        update = update._replace(resources=structure.to_json(listed))
    if asked.parameters:
        given = orjson.loads(session.parameters) | asked.parameters
        update = update._replace(parameters=orjson.dumps(given).decode())
    try:
        rebound = registration.rebound(asked, session.lwm2m_version)
    except InvalidInput as error:
        return answers.refusal(error, profile)
    if rebound is None:
        return update
    binding, sleeps = rebound
    return update._replace(binding=binding, queue_mode=int(sleeps))


def answer(operation: Operation, outcome: Outcome) -> Answer | None:
    """Say what came of an operation; None is silence, and the device repeats itself."""
    match outcome.result:
        case Result.REGISTERED:
            return _created(operation, outcome)
        case Result.HELD:
            profile = profiles.named(outcome.profile)
            return answers.held(outcome.held_milliseconds, profile)
        case Result.SUSPENDED:
            suspended = NotAllowed("the device is suspended")
            return answers.refusal(suspended, _profile_of(operation))
        case Result.FORBIDDEN:
            return answers.refusal(NotAllowed(_ANOTHERS), _profile_of(operation))
        case result:
            return _PLAIN.get(result)


def unavailable(operation: Operation | Delta | Denial) -> Answer | None:
    """Say that the store is away, unless silence does its device more good."""
    return answers.unavailable(_profile_of(operation))


def _profile(message: Message) -> Profile:
    return profiles.recognize(
        message.queries,
        has_max_age=message.value(Option.MAX_AGE) is not None,
        has_fixed_location=len(message.path) == _FIXED_LENGTH,
    )


def _profile_of(operation: Operation | Delta | Denial) -> Profile:
    """Return the kind of device that asks for an operation, as far as that tells."""
    match operation:
        case Denial(profile=profile):
            return profile
        case Register(profile=name):
            return profiles.named(name)
        case (
            Update(location=location)
            | Refresh(location=location)
            | Deregister(location=location)
            | Delta(update=Update(location=location))
        ):
            fixed = not location
        case _:
            fixed = False
    return profiles.recognize((), has_max_age=False, has_fixed_location=fixed)


def _register(
    message: Message, asker: Asker, scene: Scene
) -> Register | Denial | Answer:
    try:
        asked = registration.parse_register(
            message.queries,
            payload=message.payload,
            content_format=message.content_format,
            profile=asker.profile,
        )
        return _registered(asked, asker, scene)
    except NotAllowed as error:
        return _denial(error, asker, scene)
    except InvalidInput as error:
        return answers.refusal(error, asker.profile)


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
        profile=asker.profile.name,
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
        fixed=int(asker.profile.fixed_location),
    )


def _denial(error: NotAllowed, asker: Asker, scene: Scene) -> Denial:
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
        answers.refusal(error, asker.profile),
        asker.profile,
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
        return answers.refusal(error, asker.profile)
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
        mark=asker.mark,
        generation=asker.origin.generation,
    )
    return update if asked.only_renews else Delta(update, asked)


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
    if isinstance(located, FixedLocation):
        return located.device, "", located.account
    return names.device_of(located), located, ""


def _created(operation: Operation, outcome: Outcome) -> Answer | None:
    if not isinstance(operation, Register) or not outcome.registration:
        return None
    location = registration.location(
        operation.account,
        operation.device,
        names.parse_registration_id(outcome.registration),
        fixed=bool(operation.fixed),
    )
    return answers.created(location)
