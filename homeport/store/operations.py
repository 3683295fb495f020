"""What may be done to registration sessions, and what comes of it.

An operation is a tuple in the very order that the script ``operations.lua`` reads, so
that a batch becomes a command by chaining names and tuples. An empty string stands for
what an operation leaves as it is.

``mark`` is the DTLS association that brought an operation and its record there: 28
and 12 lower-case hex characters; ``generation`` is whose turn at the association it
was. They are '' and 0 where there is no association.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

from homeport.names import AccountId, DeviceId, EndpointName
from homeport.store.reports import Locate, Notify, Report
from homeport.store.requests import (
    Complete,
    Enqueue,
    Hear,
    Hold,
    Lapse,
    Postpone,
    Recall,
    Take,
)


class Register(NamedTuple):
    """A device registers; whatever registration it had is over (B-077).

    ``issued`` is when we issued its credential, in milliseconds since 1970, or 0.
    ``replace`` says that it may take over the name of another identity (B-096), and
    ``fixed`` that its Location names the device, and not this registration (B-092).
    ``observed`` has a line ``token path`` for each resource that the device notifies of
    by itself, ``reported`` a line ``path value`` for each value that it told (OBS-2).
    It is written to in blocks of ``16 << szx`` bytes.
    """

    bucket: int
    device: DeviceId
    exchange: str
    identity: str
    account: AccountId
    endpoint_name: EndpointName
    registration: str
    profile: str
    lifetime: int
    binding: str
    queue_mode: int
    version: str
    endpoint_type: str
    parameters: str
    peer: str
    resources: str
    mark: str = ""
    generation: int = 0
    issued: int = 0
    replace: int = 0
    fixed: int = 0
    observed: str = ""
    reported: str = ""
    szx: int | str = ""


class Refresh(NamedTuple):
    """A device is still there and changes nothing: the hot operation."""

    bucket: int
    device: DeviceId
    exchange: str
    identity: str
    location: str
    account: str
    peer: str
    mark: str = ""
    generation: int = 0


class Update(NamedTuple):
    """A device is still there and may change something.

    ``if_revision`` makes it conditional: a structure merged outside of the store is
    written only if the session is still the one that was read. ``observed`` and
    ``reported`` are those of `Register`, for the structure as it is from now on.
    """

    bucket: int
    device: DeviceId
    exchange: str
    identity: str
    location: str
    account: str
    peer: str
    if_revision: str = ""
    lifetime: int | str = ""
    binding: str = ""
    queue_mode: int | str = ""
    endpoint_type: str = ""
    resources: str = ""
    mark: str = ""
    generation: int = 0
    parameters: str = ""
    observed: str = ""
    reported: str = ""


class Deregister(NamedTuple):
    """A device leaves."""

    bucket: int
    device: DeviceId
    exchange: str
    identity: str
    location: str
    account: str
    mark: str = ""
    generation: int = 0


class Expire(NamedTuple):
    """Sessions of a bucket whose time has passed end, ``most`` of them at once.

    ``outage_ended`` is when devices could reach the platform again, 0 for never away;
    then a session waits for ``outage_grace`` or a tenth of its lifetime, whichever is
    longer (B-108). All in milliseconds.
    """

    bucket: int
    most: int
    grace: int
    outage_ended: int
    outage_grace: int


class Bootstrap(NamedTuple):
    """A bootstrap begins; a running one of the same device is over (B-029)."""

    bucket: int
    device: DeviceId
    exchange: str
    account: AccountId
    endpoint_name: EndpointName
    attempt: str
    mark: str = ""
    generation: int = 0


class Bootstrapped(NamedTuple):
    """A bootstrap ends with a fact; ``body`` is what that fact says besides, as JSON.

    The body begins with a comma where it says anything.
    """

    bucket: int
    device: DeviceId
    attempt: str
    account: AccountId
    endpoint_name: EndpointName
    fact: str
    body: str


class Refuse(NamedTuple):
    """A device is refused: a fact, at most once a minute for a device (B-067).

    ``fact`` and ``body`` are as in `Bootstrapped`.
    """

    bucket: int
    device: DeviceId
    account: AccountId
    endpoint_name: EndpointName
    fact: str
    body: str


class Dismiss(NamedTuple):
    """A device has to leave, whatever it thinks of it; ``reason`` is why.

    One that is ``suspended`` stays away until a `Readmit`. With an ``identity`` it has
    to leave only if that is what it registered with.
    """

    bucket: int
    device: DeviceId
    reason: Literal["suspended", "deleted", "withdrawn"]
    identity: str = ""


class Readmit(NamedTuple):
    """A device that had to leave may come back."""

    bucket: int
    device: DeviceId


Operation = (
    Register
    | Refresh
    | Update
    | Deregister
    | Expire
    | Bootstrap
    | Bootstrapped
    | Refuse
    | Dismiss
    | Readmit
    | Enqueue
    | Take
    | Recall
    | Hear
    | Hold
    | Complete
    | Postpone
    | Lapse
    | Notify
    | Locate
    | Report
)

NAMES: dict[type[Operation], str] = {
    Register: "register",
    Refresh: "refresh",
    Update: "update",
    Deregister: "deregister",
    Expire: "expire",
    Bootstrap: "bootstrap",
    Bootstrapped: "bootstrapped",
    Refuse: "refuse",
    Dismiss: "dismiss",
    Readmit: "readmit",
    Enqueue: "enqueue",
    Take: "take",
    Recall: "recall",
    Hear: "hear",
    Hold: "hold",
    Complete: "complete",
    Postpone: "postpone",
    Lapse: "lapse",
    Notify: "notify",
    Locate: "locate",
    Report: "report",
}
"""What the script calls them."""


class Result(StrEnum):
    """The words in which the script answers."""

    REGISTERED = "registered"
    UPDATED = "updated"
    DEREGISTERED = "deregistered"
    UNKNOWN = "unknown"
    HELD = "held"
    CONFLICT = "conflict"
    FORBIDDEN = "forbidden"
    """The endpoint name belongs to another identity (B-096)."""
    SUSPENDED = "suspended"
    STALE = "stale"
    REPLAYED = "replayed"
    """A record as new as this one, or of a newer association, has had its effect."""
    SUPERSEDED = "superseded"
    """Somebody took over: the association at another edge, or a newer attempt."""
    BOOTSTRAPPING = "bootstrapping"
    REPEATED = "repeated"
    RECORDED = "recorded"
    EXPIRED = "expired"
    QUEUED = "queued"
    FULL = "full"
    TAKEN = "taken"
    EMPTY = "empty"
    BUSY = "busy"
    """A request to the device is under way, and only one at a time may be (B-181)."""
    ELSEWHERE = "elsewhere"
    """Another edge has the device."""
    ASLEEP = "asleep"
    RECALLED = "recalled"
    """The device is this edge's now, if that can reach it."""
    HEARD = "heard"
    POSTPONED = "postponed"
    OLDER = "older"
    """A newer notification of the same has come before (RFC 7641 §3.4)."""
    LOCATED = "located"
    REPORTED = "reported"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an operation; ``waiting`` says that requests wait for the device.

    ``edge`` is the one that has the device, or is busy with it. ``rival`` is where
    another device with the same credential was heard a moment ago (B-095).
    """

    result: Result
    registration: str = ""
    held_milliseconds: int = 0
    profile: str = ""
    waiting: bool = False
    edge: str = ""
    rival: str = ""


@dataclass(frozen=True, slots=True)
class TakenRequest(Outcome):
    """A request to send now, to a device of this identity, profile and version.

    ``root`` is the path below which it has its objects, '' for none; it is asked with
    the ``token`` (hex), by whichever edge. ``szx`` is the one it registered with, None
    for that of its profile.
    """

    body: str = ""
    identity: str = ""
    version: str = ""
    root: str = ""
    token: str = ""
    szx: int | None = None


@dataclass(frozen=True, slots=True)
class RecalledSession(Outcome):
    """What leads to a device again: where it was heard last, and how long ago.

    ``peer``, ``exchanges``, ``mark`` and ``identity`` are those of the last message, as
    its `homeport.coap.transport.Origin` told them.
    """

    queue_mode: bool = False
    silent_milliseconds: int = 0
    peer: str = ""
    exchanges: str = ""
    mark: str = ""
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Located(Outcome):
    """What a device notifies of, and the path below which it has that."""

    path: str = ""
    root: str = ""


@dataclass(frozen=True, slots=True)
class Expired:
    """What came of an `Expire`; ``next_due`` is in milliseconds, None when empty."""

    ended: int
    postponed: int
    next_due: float | None


_PLAIN = {result.encode(): Outcome(result) for result in Result}


def outcome(answer: bytes | list[bytes | int]) -> Outcome:
    """Read the script's answer to any operation but `Expire` and `Lapse`."""
    if isinstance(answer, bytes):
        return _PLAIN[answer]
    match answer:
        case [b"held", int(milliseconds), bytes(profile)]:
            return Outcome(
                Result.HELD, held_milliseconds=milliseconds, profile=profile.decode()
            )
        case [b"queued" | b"busy" | b"elsewhere" | b"postponed" as word, bytes(edge)]:
            return Outcome(Result(word.decode()), edge=edge.decode())
        case [bytes(word), *said]:
            texts = [each.decode() for each in said if isinstance(each, bytes)]
            return _told(Result(word.decode()), texts)
        case _:
            raise ValueError(f"the script answered {answer!r}")


def _told(result: Result, said: list[str]) -> Outcome:
    match result:
        case Result.TAKEN:
            return _taken(said)
        case Result.RECALLED:
            return _recalled(said)
        case Result.LOCATED:
            return _located(said)
        case _:
            return _registration(result, *said)


def _registration(result: Result, registration: str, more: str = "") -> Outcome:
    """Read what is said of a registration: its rival at first, later what waits."""
    if result is Result.REGISTERED:
        return Outcome(result, registration=registration, rival=more)
    return Outcome(result, registration=registration, waiting=bool(more))


def _taken(said: list[str]) -> TakenRequest:
    body, identity, profile, version, root, token, szx = said
    return TakenRequest(
        Result.TAKEN,
        profile=profile,
        body=body,
        identity=identity,
        version=version,
        root=root,
        token=token,
        szx=int(szx) if szx else None,
    )


def _recalled(said: list[str]) -> RecalledSession:
    profile, queue_mode, silent, peer, exchanges, mark, identity = said
    return RecalledSession(
        Result.RECALLED,
        profile=profile,
        queue_mode=queue_mode == "1",
        silent_milliseconds=int(silent),
        peer=peer,
        exchanges=exchanges,
        mark=mark,
        identity=identity,
    )


def _located(said: list[str]) -> Located:
    path, root = said
    return Located(Result.LOCATED, path=path, root=root)


def expired(answer: list[bytes | int]) -> Expired:
    """Read the script's answer to `Expire` or `Lapse`."""
    _, ended, postponed, due = answer
    return Expired(int(ended), int(postponed), float(due) if due else None)
