"""What devices hear, in the words that their kind survives."""

from collections.abc import Sequence

from homeport.coap.answer import Answer, explain
from homeport.coap.codec import Code, Option
from homeport.errors import (
    InvalidInput,
    NotAllowed,
    UnsupportedFormat,
    UnsupportedVersion,
)
from homeport.protocol.profiles import Profile

UNAVAILABLE_SECONDS = 10
"""How long a device is asked to wait while the store is away (B-227)."""

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

_SPARING = {Code.BAD_REQUEST: Code.UNAUTHORIZED, Code.FORBIDDEN: Code.UNAUTHORIZED}
"""What a forgetful device hears instead: it reconnects, with backoff (B-066)."""


def refusal(error: InvalidInput, profile: Profile) -> Answer:
    """Answer a request that cannot become an operation, saying why."""
    code = _code(error)
    return explain(_SPARING.get(code, code) if profile.forgetful else code, error)


def dismissal(error: InvalidInput) -> Answer:
    """Send a device back to its bootstrap, for only that can help it (B-066)."""
    return explain(_code(error), error)


def incorrect(error: InvalidInput) -> Answer:
    """Answer what has nothing to do with a registration, and cannot be understood."""
    return explain(_code(error), error)


def created(location: Sequence[str]) -> Answer:
    """Say where a registration is; and nothing else, Max-Age above all (B-097)."""
    return Answer(
        Code.CREATED,
        tuple((Option.LOCATION_PATH, segment.encode()) for segment in location),
    )


def held(milliseconds: int, profile: Profile) -> Answer | None:
    """Say how long an operation is on hold, to whom understands it (B-117, B-118)."""
    if profile.deaf_to_waiting:
        return None
    seconds = max(1, -(-milliseconds // 1000))
    return _wait(Code.TOO_MANY_REQUESTS, seconds)


def unavailable(profile: Profile) -> Answer | None:
    """Say that the store is away, to whom can wait for it (B-227)."""
    if profile.deaf_to_waiting:
        return None
    return _wait(Code.SERVICE_UNAVAILABLE, UNAVAILABLE_SECONDS)


def _code(error: InvalidInput) -> Code:
    return next(code for kind, code in _CODES if isinstance(error, kind))


def _wait(code: Code, seconds: int) -> Answer:
    """Make an answer that is not kept: what is repeated after that is done (B-121)."""
    return Answer(code, ((Option.MAX_AGE, bytes([seconds])),), keep=False)
