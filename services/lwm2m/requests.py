"""From a device request to what its device is sent, and from there to its end.

Plain functions: no socket, no store. What a device could not be asked is never sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from homeport.coap.codec import Code, Message, Option, Options, code_text
from homeport.coap.layer import Cause
from homeport.errors import InvalidInput, InvalidParameter
from homeport.events.facts import RequestOutcome
from homeport.names import DeviceId
from homeport.protocol import device_requests, linkformat, paths, profiles
from homeport.protocol.device_requests import COMPOSITE, DeviceRequest, Method
from homeport.protocol.formats import codecs
from homeport.protocol.objects.definitions import Definitions
from homeport.protocol.paths import ROOT, Path
from homeport.protocol.profiles import Profile
from homeport.store.operations import TakenRequest
from homeport.store.requests import Complete, Hold, Postpone
from services.lwm2m import attributes, contents

_CODES = {
    Method.GET: Code.GET,
    Method.PUT: Code.PUT,
    Method.POST: Code.POST,
    Method.DELETE: Code.DELETE,
    Method.FETCH: Code.FETCH,
    Method.IPATCH: Code.iPATCH,
}
LEASE_MILLISECONDS = 15_000
"""How long a request is one edge's alone without another word."""
_READING = (Method.GET, Method.FETCH)
_HIDDEN = (0, 21)
"""Objects that hold keys: no caller sees or changes them (B-207)."""
_BEGIN, _END = b"", b"\x01"
"""The values of the Observe option (RFC 7641 §2)."""
_ERROR = 4
_NOTHING: Mapping[str, str] = MappingProxyType({})

_OUTCOMES = {
    Cause.UNACKNOWLEDGED: RequestOutcome.TIMEOUT,
    Cause.UNANSWERED: RequestOutcome.TIMEOUT,
    Cause.LOST: RequestOutcome.DISCONNECTED,
    Cause.RESET: RequestOutcome.UNREACHABLE,
    Cause.MALFORMED: RequestOutcome.UNREACHABLE,
    Cause.CROWDED: RequestOutcome.UNREACHABLE,
}


@dataclass(frozen=True, slots=True)
class Taken:
    """A request whose turn it is, and what is known of its device.

    ``root`` is the path below which that has its objects, '' for none. It is asked with
    the ``token``, by whichever edge.
    """

    bucket: int
    device: DeviceId
    request: DeviceRequest
    profile: Profile
    root: str = ""
    token: bytes = b""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a request ends; without an ``outcome`` it only waits for another attempt."""

    operation: Complete | Postpone | Hold
    outcome: RequestOutcome | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """What a device is sent, in blocks of ``16 << szx``; an empty token is any."""

    code: Code
    path: tuple[str, ...]
    queries: tuple[str, ...]
    options: Options
    payload: bytes
    szx: int
    token: bytes = b""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not sent, and the code that says it to the caller."""

    code: Code
    reason: str


def taken(bucket: int, device: DeviceId, outcome: TakenRequest) -> Taken:
    """Read what the store has given out; raise InvalidFormat.

    The device is of its profile, but written to in the blocks its account wants.
    """
    profile = profiles.named(outcome.profile)
    return Taken(
        bucket,
        device,
        device_requests.parse(outcome.body),
        profile if outcome.szx is None else replace(profile, szx=outcome.szx),
        outcome.root,
        bytes.fromhex(outcome.token),
    )


def ask(taken: Taken) -> Asking | Refusal:
    """Turn a request into what its device is sent, if it can be asked that."""
    request = taken.request
    path = segments(request.path)
    try:
        refusal = _refusal(request, path, taken.profile)
    except InvalidInput as error:
        return Refusal(Code.BAD_REQUEST, str(error))
    if refusal is not None:
        return refusal
    return Asking(
        _CODES[request.method],
        (*segments(taken.root), *path),
        request.queries,
        tuple(_options(request)),
        request.payload,
        taken.profile.szx,
        taken.token,
    )


def refused(taken: Taken, refusal: Refusal) -> Ending:
    """End a request that is not sent; the payload says why, as a device's would."""
    return _ended(
        taken,
        RequestOutcome.REFUSED,
        {
            "code": code_text(refusal.code),
            "payload": contents.encoded(refusal.reason.encode()),
        },
    )


def answered(taken: Taken, message: Message, *, token: bytes, now: int) -> Ending:
    """End a request that has been answered at ``now`` (ms since 1970)."""
    request, said = taken.request, contents.told(message)
    if _tells_anyway(taken, message):
        said["code"] = code_text(Code.CONTENT)
        return _ended(taken, RequestOutcome.ANSWERED, said)
    if message.code >> 5 >= _ERROR:
        return _ended(taken, RequestOutcome.ANSWERED, said)
    effects: dict[str, str] = {}
    if request.observe is False:
        effects["observed"] = request.path
    elif request.observe and message.value(Option.OBSERVE) is not None:
        said["observed"] = True
        listed = [request.path, *map(paths.build, _listed(request))]
        effects |= {"observed": "\n".join(listed), "token": token.hex()}
    if request.method not in _READING:
        effects["invalidated"] = request.path
    elif _is_value(request, message):
        effects |= {"path": request.path, "value": contents.value(message, now)}
    return _ended(taken, RequestOutcome.ANSWERED, said, effects)


def failed(taken: Taken, cause: Cause, *, acknowledged: bool) -> Ending:
    """End an attempt that came to nothing, and the request with the last of them.

    What the device has acknowledged is not sent again: it may be done by now (B-180).
    """
    request = taken.request
    if request.retries > 0 and not acknowledged:
        body = device_requests.build(request.after_failure())
        return Ending(Postpone(taken.bucket, taken.device, request.id, body))
    return _ended(taken, _OUTCOMES[cause], effects=_doubts(request))


def abandoned(taken: Taken, *, acknowledged: bool) -> Ending:
    """Leave a request to whoever has the device from now on; no attempt is used up.

    What the device has acknowledged is over soon, unless it answers another edge.
    """
    return Ending(
        hold(taken, acknowledged=True)
        if acknowledged
        else Postpone(taken.bucket, taken.device, taken.request.id)
    )


def hold(taken: Taken, *, acknowledged: bool) -> Hold:
    """Say that the answer to a request is still waited for."""
    return Hold(
        taken.bucket,
        taken.device,
        taken.request.id,
        int(acknowledged),
        LEASE_MILLISECONDS,
    )


def _doubts(request: DeviceRequest) -> Mapping[str, str]:
    """Return the effects of what may have been done or not: its values are void."""
    return {} if request.method in _READING else {"invalidated": request.path}


def _ended(
    taken: Taken,
    outcome: RequestOutcome,
    said: Mapping[str, object] = _NOTHING,
    effects: Mapping[str, str] = _NOTHING,
) -> Ending:
    members = contents.members({"outcome": outcome, **said})
    complete = Complete(
        taken.bucket, taken.device, taken.request.id, members, **effects
    )
    return Ending(complete, outcome)


def segments(path: str) -> tuple[str, ...]:
    """Part a path as CoAP has it; ``/`` has no segments."""
    return tuple(filter(None, path.split("/")))


def _refusal(
    request: DeviceRequest, path: tuple[str, ...], profile: Profile
) -> Refusal | None:
    """Say why a device of this kind could not be asked that; raise InvalidInput."""
    if path and path[0].isdecimal() and int(path[0]) in _HIDDEN:
        return _hidden(int(path[0]))
    if request.method in COMPOSITE:
        if not profile.composite:
            return Refusal(
                Code.METHOD_NOT_ALLOWED, "the device knows no composite operations"
            )
        return _hidden_within(request)
    if request.method is Method.PUT and request.queries and not request.payload:
        attributes.check(request.queries)
    return None


def _hidden(number: int) -> Refusal:
    return Refusal(
        Code.METHOD_NOT_ALLOWED, f"object {number} cannot be reached by the API"
    )


def _hidden_within(request: DeviceRequest) -> Refusal | None:
    """Look for hidden objects in a list of paths; raise InvalidInput if it is none."""
    numbers = {path[0] for path in _listed(request) if path}
    return next((_hidden(number) for number in _HIDDEN if number in numbers), None)


def _listed(request: DeviceRequest) -> Sequence[Path]:
    """Return the paths that several at once are asked for; raise InvalidInput."""
    if request.method not in COMPOSITE:
        return ()
    if request.content_format is None:
        raise InvalidParameter("content-type", "is needed for a list of paths")
    listed = codecs.decode(
        request.content_format, request.payload, base=ROOT, definitions=Definitions()
    )
    return [record.path for record in listed]


def _options(request: DeviceRequest) -> list[tuple[int, bytes]]:
    options: list[tuple[int, bytes]] = []
    if request.observe is not None:
        options.append((Option.OBSERVE, _BEGIN if request.observe else _END))
    if request.content_format is not None:
        options.append((Option.CONTENT_FORMAT, _number(request.content_format)))
    if request.accept is not None:
        options.append((Option.ACCEPT, _number(request.accept)))
    return options


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _tells_anyway(taken: Taken, message: Message) -> bool:
    """Say whether an error is a value that cannot be observed (OP-1)."""
    return (
        bool(taken.request.observe)
        and taken.profile.tells_anyway
        and message.code in (Code.METHOD_NOT_ALLOWED, Code.BAD_REQUEST)
        and message.content_format is not None
    )


def _is_value(request: DeviceRequest, message: Message) -> bool:
    """Say whether an answer is what its path has, and not what is said about it."""
    return (
        request.method is Method.GET
        and not request.queries
        and message.content_format != linkformat.CONTENT_FORMAT
    )
