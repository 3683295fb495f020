"""What one kind of device needs differently from another, all of it in one place.

A profile says what a kind of device is like; what to make of that is decided where the
device is dealt with. It is recognized from the request alone (devices.md section 16),
and its name goes with the session, so that any edge finds it by that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from homeport.protocol.handover import Usage

LARGEST_SZX = 6
"""Blocks of 1,024 bytes, the largest that there are over UDP (RFC 7959 §2.2)."""


class Step(Enum):
    """What a bootstrap server may ask of a device."""

    DELETE = auto()
    DISCOVER = auto()
    WRITE_SECURITY = auto()
    WRITE_SERVER = auto()
    WRITE_INSTANCE = auto()
    READ = auto()
    FINISH = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One kind of device; all that is not said is as a standard client has it.

    At bootstrap it is asked its ``steps``, in their order, and what its account wants
    besides before the last of them. It is written to in blocks
    of ``16 << szx`` bytes, whole instances where it ``takes_instances`` (BS-15, BS-20),
    from the ``first_instance`` on. It is ``addressed`` where it registers by account
    and id of the URI (BS-19). ``takes_keys`` and ``enrolls`` say which credentials it
    can be handed (BS-16, EST-1), ``pins`` that it takes resource 4 for the server's own
    certificate and not for its CA's, and ``usage`` what it is told that one is for. It
    can be read (``readable``), and be given instances of these ``objects`` alone (of
    all there are where it does not say) and the ``sole_account`` of one server (BS-23).

    Registered, it has a ``fixed_location`` that names the device (REG-11) or one of its
    own, and ``merges`` where its updates list what has changed (UPD-3). It is
    ``deaf_to_waiting`` where it does not understand 4.29, or would register in full
    after a 5.03 (B-118, B-227), and ``forgetful`` where a Register that is refused with
    4.00 or 4.03 costs it its credentials (B-066).

    Asked, it understands ``composite`` operations or says nothing at all (B-212), and
    where it ``tells_anyway`` the value of what it does not let observe, as an error
    (OP-1). In queue mode it is ``awake_seconds`` long awake, where that is known (Q-1).
    Where it ``observes_itself``, it notifies of resources unasked (OBS-2).
    """

    name: str
    steps: tuple[Step, ...]
    szx: int = LARGEST_SZX
    first_instance: int = 1
    takes_instances: bool = False
    addressed: bool = False
    takes_keys: bool = True
    enrolls: bool = False
    pins: bool = False
    usage: Usage | None = None
    readable: bool = False
    objects: frozenset[int] | None = None
    sole_account: bool = False
    fixed_location: bool = False
    merges: bool = False
    deaf_to_waiting: bool = False
    forgetful: bool = False
    composite: bool = False
    tells_anyway: bool = False
    awake_seconds: float | None = None
    observes_itself: bool = False


LWM2M_1_0 = Profile(
    name="lwm2m-1.0",
    steps=(
        Step.DELETE,
        Step.WRITE_SERVER,
        Step.DISCOVER,
        Step.WRITE_SECURITY,
        Step.FINISH,
    ),
    pins=True,
)
"""It hears a write first (WHO-3), but is discovered before its Security object is
written: its bootstrap account may be any instance, and a write over that one would be
its last bootstrap (B-189)."""

LWM2M_1_1 = Profile(
    name="lwm2m-1.1",
    steps=(
        Step.DELETE,
        Step.DISCOVER,
        Step.WRITE_SECURITY,
        Step.WRITE_SERVER,
        Step.FINISH,
    ),
    usage=Usage.TRUST_ANCHOR,
    readable=True,
    composite=True,
)
LWM2M_1_2 = replace(LWM2M_1_1, name="lwm2m-1.2")

IZUMA_STANDARD = Profile(
    name="izuma-standard",
    steps=(Step.DELETE, Step.WRITE_SECURITY, Step.WRITE_SERVER, Step.FINISH),
    first_instance=0,
    objects=frozenset({0, 1, 3}),
    sole_account=True,
    merges=True,
    deaf_to_waiting=True,
    forgetful=True,
    tells_anyway=True,
    awake_seconds=4.5,
    observes_itself=True,
)
"""Izuma's client as it is built for standard servers, or without security (REG-3)."""

IZUMA = replace(
    IZUMA_STANDARD,
    name="izuma",
    steps=(Step.WRITE_SECURITY, Step.FINISH),
    szx=5,
    takes_instances=True,
    addressed=True,
    takes_keys=False,
    enrolls=True,
    fixed_location=True,
)
"""It brings its own Server object, so that its lifetime stays its own; blocks of 512
bytes are the only ones that are safe towards it (COAP-20)."""

_IZUMA_AGAIN = replace(IZUMA, steps=(Step.DELETE, *IZUMA.steps))
"""Sent to bootstrap while it runs, it has emptied its LwM2M account and begun another
one beside the number that it is written to: unless that is deleted, it refuses both."""

PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (LWM2M_1_0, LWM2M_1_1, LWM2M_1_2, IZUMA_STANDARD, IZUMA)
}
_BY_VERSION = {"lwm2m=1.1": LWM2M_1_1, "lwm2m=1.2": LWM2M_1_2}


def recognize(
    queries: Sequence[str], *, has_max_age: bool, has_fixed_location: bool = False
) -> Profile:
    """Tell the kind of device by a request of its, whatever is wrong with that.

    ``has_max_age`` says that the request carries that option: only Izuma's clients put
    it into requests (COAP-2). ``has_fixed_location`` says that it leads to a Location
    that names a device.
    """
    names = {query.partition("=")[0] for query in queries}
    if "mccv" in names or has_fixed_location:
        return IZUMA
    if "pct" in names:
        return LWM2M_1_1
    if has_max_age:
        return IZUMA_STANDARD
    told = (_BY_VERSION[query] for query in queries if query in _BY_VERSION)
    return next(told, LWM2M_1_0)


def again(profile: Profile) -> Profile:
    """Return what a kind of device needs that comes to bootstrap with an id (BS-3)."""
    return _IZUMA_AGAIN if profile is IZUMA else profile


def named(name: str) -> Profile:
    """Return a profile by its name; a name that has gone means the plainest client."""
    return PROFILES.get(name, LWM2M_1_0)
