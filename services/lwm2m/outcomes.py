"""From what came of an operation to what its device hears."""

from homeport import names
from homeport.coap.answer import Answer
from homeport.errors import NotAllowed
from homeport.protocol import profiles, registration
from homeport.protocol.profiles import Profile
from homeport.store.operations import (
    Deregister,
    Outcome,
    Refresh,
    Register,
    Result,
    Update,
)
from services.lwm2m import answers
from services.lwm2m.answers import CHANGED, DELETED, NOT_FOUND
from services.lwm2m.asked import Asker, Delta, Denial, Registering, Said
from services.lwm2m.reports import Sent

_PLAIN = {
    Result.UPDATED: CHANGED,
    Result.DEREGISTERED: DELETED,
    Result.REPORTED: CHANGED,
    Result.UNKNOWN: NOT_FOUND,
}
_ANOTHERS = "the endpoint name belongs to another credential"


def answer(operation: Said, outcome: Outcome) -> Answer | None:
    """Say what came of an operation; None is silence, and the device repeats itself."""
    if plain := _PLAIN.get(outcome.result):
        return plain
    match outcome.result:
        case Result.REGISTERED:
            return _created(operation, outcome)
        case Result.HELD:
            profile = profiles.named(outcome.profile)
            return answers.held(outcome.held_milliseconds, profile)
        case Result.SUSPENDED:
            suspended = NotAllowed("the device is suspended")
            return answers.refusal(suspended, profile_of(operation))
        case Result.FORBIDDEN:
            return answers.refusal(NotAllowed(_ANOTHERS), profile_of(operation))
        case _:
            return None


def unavailable(operation: Said | Registering | Delta | Sent | Denial) -> Answer | None:
    """Say that the store is away, unless silence does its device more good."""
    return answers.unavailable(profile_of(operation))


def profile_of(operation: Said | Registering | Delta | Sent | Denial) -> Profile:
    """Return the kind of device that asks for an operation, as far as that tells."""
    match operation:
        case Denial(profile=profile) | Registering(asker=Asker(profile=profile)):
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


def _created(operation: Said, outcome: Outcome) -> Answer | None:
    if not isinstance(operation, Register) or not outcome.registration:
        return None
    location = registration.location(
        operation.account,
        operation.device,
        names.parse_registration_id(outcome.registration),
        fixed=bool(operation.fixed),
    )
    return answers.created(location)
