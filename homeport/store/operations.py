"""What may be done to registration sessions, and what comes of it.

An operation is a tuple in the very order that the script ``operations.lua`` reads, so
that a batch becomes a command by chaining names and tuples. An empty string stands for
what an operation leaves as it is.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

from homeport.names import AccountId, DeviceId, EndpointName

NOSEC_IDENTITY = "nosec"
"""The identity of every device that proves none: its Location cannot be guessed."""

Profile = Literal["izuma", "standard"]


class Register(NamedTuple):
    """A device registers; whatever registration it had is over (B-077)."""

    bucket: int
    device: DeviceId
    exchange: str
    identity: str
    account: AccountId
    endpoint_name: EndpointName
    registration: str
    profile: Profile
    lifetime: int
    binding: str
    queue_mode: int
    version: str
    endpoint_type: str
    parameters: str
    peer: str
    resources: str


class Refresh(NamedTuple):
    """A device is still there and changes nothing: the hot operation."""

    bucket: int
    device: DeviceId
    exchange: str
    identity: str
    location: str
    account: str
    peer: str


class Update(NamedTuple):
    """A device is still there and may change something.

    ``if_revision`` makes it conditional: a structure merged outside of the store is
    written only if the session is still the one that was read.
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


class Deregister(NamedTuple):
    """A device leaves."""

    bucket: int
    device: DeviceId
    exchange: str
    identity: str
    location: str
    account: str


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


Operation = Register | Refresh | Update | Deregister | Expire | Bootstrap | Bootstrapped

NAMES: dict[type[Operation], str] = {
    Register: "register",
    Refresh: "refresh",
    Update: "update",
    Deregister: "deregister",
    Expire: "expire",
    Bootstrap: "bootstrap",
    Bootstrapped: "bootstrapped",
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
    STALE = "stale"
    EXPIRED = "expired"
    BOOTSTRAPPING = "bootstrapping"
    REPEATED = "repeated"
    RECORDED = "recorded"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an operation."""

    result: Result
    registration: str = ""
    held_milliseconds: int = 0
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Expired:
    """What came of an `Expire`; ``next_due`` is in milliseconds, None when empty."""

    ended: int
    postponed: int
    next_due: float | None


_PLAIN = {result.encode(): Outcome(result) for result in Result}


def outcome(answer: bytes | list[bytes | int]) -> Outcome:
    """Read the script's answer to any operation but `Expire`."""
    if isinstance(answer, bytes):
        return _PLAIN[answer]
    match answer:
        case [b"held", int(milliseconds), bytes(profile)]:
            return Outcome(
                Result.HELD, held_milliseconds=milliseconds, profile=profile.decode()
            )
        case [bytes(word), bytes(registration)]:
            return Outcome(Result(word.decode()), registration=registration.decode())
        case _:
            raise ValueError(f"the script answered {answer!r}")


def expired(answer: list[bytes | int]) -> Expired:
    """Read the script's answer to `Expire`."""
    _, ended, postponed, due = answer
    return Expired(int(ended), int(postponed), float(due) if due else None)
