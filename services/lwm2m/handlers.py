"""From a device's request to an operation on its session.

Plain functions: no socket, no store. Repeating any of them is harmless, since the store
answers a message that it has seen with what it answered first.
"""

import orjson

from homeport import names
from homeport.coap.answer import Answer, explain
from homeport.coap.codec import Code, Message, Option, Renewal
from homeport.coap.transport import Origin
from homeport.errors import InvalidInput, InvalidName, NotAllowed
from homeport.events.facts import FactName
from homeport.identity import Means
from homeport.names import DeviceId, EndpointName
from homeport.protocol import ownership, profiles, registration, structure
from homeport.protocol.profiles import Profile
from homeport.protocol.registration import FixedLocation, RegisterRequest
from homeport.store.operations import (
    Deregister,
    Refresh,
    Refuse,
    Register,
    Update,
)
from homeport.store.reports import Report
from homeport.store.sessions import StoredSession
from services.lwm2m import answers, enrolling, links, reports
from services.lwm2m.answers import NOT_FOUND
from services.lwm2m.asked import Asker, Delta, Denial, Registering, Said, Scene
from services.lwm2m.kinds import RECOGNIZED, Kinds
from services.lwm2m.reports import Sent

_FIXED_LENGTH = 3
"""Segments of a fixed Location (B-092)."""


def interpret(
    message: Message,
    *,
    origin: Origin,
    sequence: int,
    scene: Scene,
    sender: DeviceId | None = None,
    now: int = 0,
    kinds: Kinds = RECOGNIZED,
) -> Said | Registering | Delta | Sent | Denial | Answer:
    """Turn a request into an operation, or answer it at once.

    ``sender`` is the device that sends it, where that is known. It was heard at
    ``now``, in milliseconds since 1970. ``kinds`` say what accounts know of devices.
    """
    path = message.path
    asker = Asker(
        origin,
        _profile(message),
        origin.exchange(message.message_id),
        origin.mark(sequence),
        now,
    )
    match message.code, path:
        case Code.POST, ("rd",):
            return _register(message, asker, scene, kinds)
        case Code.POST, ("rd", _) | ("rd", _, _):
            return _update(message, asker, scene)
        case Code.DELETE, ("rd", _) | ("rd", _, _):
            return _deregister(message, asker, scene)
        case Code.POST, reports.PATH:
            return _send(message, asker, scene, sender)
        case _, ("rd", *_) | reports.PATH:
            return Answer(Code.METHOD_NOT_ALLOWED)
        case _:
            return _enroll(message, asker, scene)


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


def register(registering: Registering, kinds: Kinds) -> Register | Answer:
    """Turn a Register into an operation, with what ``kinds`` have learned meanwhile."""
    recognized = registering.asker.profile
    known = kinds.of(registering.account, registering.endpoint_name, recognized)
    profile = known or recognized
    try:
        asked = _parse(registering.message, profile)
    except InvalidInput as error:
        return answers.refusal(error, profile)
    return _registered(asked, registering, profile)


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
        if profile.observes_itself:
            told = structure.from_links(asked.links).items()
            update = update._replace(
                observed=links.observed(listed),
                reported=links.reported(told, delta.now),
            )
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


def _enroll(message: Message, asker: Asker, scene: Scene) -> Answer:
    """Give a device another certificate, if that is what it wants."""
    certificate = enrolling.certificate_of(message.path)
    if certificate is None or scene.signer is None:
        return NOT_FOUND
    if message.code != Code.POST:
        return Answer(Code.METHOD_NOT_ALLOWED)
    identity = asker.origin.identity
    return scene.signer.answer(certificate, message.payload, identity, now=asker.now)


def _profile(message: Message) -> Profile:
    return profiles.recognize(
        message.queries,
        has_max_age=message.value(Option.MAX_AGE) is not None,
        has_fixed_location=len(message.path) == _FIXED_LENGTH,
    )


def _register(
    message: Message, asker: Asker, scene: Scene, kinds: Kinds
) -> Register | Registering | Denial | Answer:
    identity = asker.origin.identity
    try:
        asked = _parse(message, asker.profile)
        account = ownership.account(identity, asked.account, default=scene.account)
        name = ownership.endpoint_name(identity, asked.endpoint_name)
        device = ownership.device(identity, account, name)
    except NotAllowed as error:
        return _denial(error, asker, scene)
    except InvalidInput as error:
        return answers.refusal(error, asker.profile)
    registering = Registering(account, name, device, message, asker, scene)
    profile = kinds.of(account, name, asker.profile)
    if profile is None:
        return registering
    if profile is not asker.profile:
        return register(registering, kinds)
    return _registered(asked, registering, profile)


def _parse(message: Message, profile: Profile) -> RegisterRequest:
    return registration.parse_register(
        message.queries,
        payload=message.payload,
        content_format=message.content_format,
        profile=profile,
    )


def _registered(
    asked: RegisterRequest, registering: Registering, profile: Profile
) -> Register:
    asker, device = registering.asker, registering.device
    origin = asker.origin
    told = asked.structure if profile.observes_itself else {}
    return Register(
        bucket=names.bucket(device, registering.scene.buckets),
        device=device,
        exchange=asker.exchange,
        identity=origin.identity.name,
        account=registering.account,
        endpoint_name=registering.endpoint_name,
        registration=names.new_registration_id(device),
        profile=profile.name,
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
        issued=origin.identity.issued,
        replace=int(registering.scene.replaces),
        fixed=int(profile.fixed_location),
        observed=links.observed(told),
        reported=links.reported(told.items(), asker.now),
        szx=profile.szx,
    )


def _denial(error: NotAllowed, asker: Asker, scene: Scene) -> Denial:
    """Refuse a device whose credential says otherwise than it does.

    One of ours in the hands of another device is an old association: Izuma's client
    keeps it over a factory reset, and goes on with it until it bootstraps again.
    """
    identity = asker.origin.identity
    answer = answers.refusal(error, asker.profile)
    if identity.means is Means.ISSUED:
        answer = answers.dismissal(error)
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
        answer,
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
    return update if asked.only_renews else Delta(update, asked, asker.now)


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


def _send(
    message: Message, asker: Asker, scene: Scene, sender: DeviceId | None
) -> Sent | Answer:
    origin = asker.origin
    if sender is None:
        if origin.identity.means is Means.NOTHING:
            return explain(Code.BAD_REQUEST, "nobody has registered from here")
        return NOT_FOUND
    report = Report(
        names.bucket(sender, scene.buckets),
        sender,
        asker.exchange,
        origin.identity.name,
        reports="",
        mark=asker.mark,
        generation=origin.generation,
    )
    return reports.send(message, report, now=asker.now)


def _locate(path: tuple[str, ...]) -> tuple[DeviceId, str, str] | None:
    """Return device, registration and account of a Location; one of the two is ''."""
    try:
        located = registration.parse_location(path)
    except InvalidName:
        return None
    if isinstance(located, FixedLocation):
        return located.device, "", located.account
    return names.device_of(located), located, ""
