"""The registration interface of LwM2M: Register, Update, and the Location of both.

Parameters stand in Uri-Query in any order, each at most once (LwM2M 1.2 core §6.2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from homeport import names
from homeport.errors import (
    InvalidFormat,
    InvalidName,
    InvalidParameter,
    UnsupportedFormat,
    UnsupportedVersion,
)
from homeport.names import AccountId, DeviceId, EndpointName, RegistrationId
from homeport.protocol import linkformat, structure
from homeport.protocol import queries as parameters
from homeport.protocol.linkformat import Link
from homeport.protocol.profiles import Profile
from homeport.protocol.structure import Structure

DEFAULT_LIFETIME = 86_400
LONGEST_LIFETIME = 2**31
"""Seconds (B-110); what LwM2M 1.1 calls infinite, a lifetime of 0, is as long."""
DEFAULT_VERSION = "1.0"
VERSIONS = ("1.0", "1.1", "1.2")
DEFAULT_BINDING = "U"

_BINDINGS_1_0 = frozenset({"U", "UQ", "S", "SQ", "US", "UQS"})
_TRANSPORTS = frozenset("UTSNMH")
_LONGEST_NUMBER = 10
_QUEUE_MODE = "Q"
_UNDERSTOOD = frozenset({"ep", "aid", "lt", "lwm2m", "b", _QUEUE_MODE, "et"})


@dataclass(frozen=True, slots=True)
class RegisterRequest:
    """What a device says when it registers; what it leaves out has its default.

    ``account`` is its ``aid``. ``parameters`` are all that nothing here stands for: a
    telephone number for SMS, the profile ids of LwM2M 1.2, those of a vendor (B-200).
    """

    endpoint_name: EndpointName | None
    account: AccountId | None
    lifetime: int
    binding: str
    queue_mode: bool
    version: str
    endpoint_type: str
    parameters: Mapping[str, str]
    structure: Structure


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    """What a device says when it updates; None where it says nothing.

    Its links are a delta or a full list: which of the two, its profile tells (B-101).
    ``flagged`` says that it carries a bare ``Q``. What its binding and that mean, the
    version of the registration tells: `rebound`.
    """

    lifetime: int | None
    binding: str | None
    flagged: bool
    endpoint_type: str | None
    links: tuple[Link, ...] | None
    parameters: Mapping[str, str]

    @property
    def only_renews(self) -> bool:
        """Whether it can be understood without its registration."""
        return not (
            self.links is not None
            or self.binding is not None
            or self.flagged
            or self.parameters
        )


@dataclass(frozen=True, slots=True)
class FixedLocation:
    """The one Location of a device: it names that, and not a registration (REG-11)."""

    account: AccountId
    device: DeviceId


def parse_register(
    queries: Sequence[str],
    *,
    payload: bytes,
    content_format: int | None,
    profile: Profile,
) -> RegisterRequest:
    """Parse a Register; raise the InvalidInput that says what is wrong.

    Rules B-046, B-047, B-106 and B-197 to B-202.
    """
    given = parameters.parse(queries)
    version = given.get("lwm2m", DEFAULT_VERSION)
    if version not in VERSIONS:
        raise UnsupportedVersion(version)
    binding = given.get("b", DEFAULT_BINDING)
    check_binding(binding, version)
    links = _parse_links(payload, content_format)
    listed = restructured({}, links, profile)
    if not structure.lists_object(listed):
        raise InvalidFormat("link format", "lists no object")
    return RegisterRequest(
        endpoint_name=_endpoint_name(given),
        account=names.parse_account_id(given["aid"]) if "aid" in given else None,
        lifetime=_lifetime(given, infinite=version != "1.0") or DEFAULT_LIFETIME,
        binding=binding,
        queue_mode=_sleeps(binding, version, flagged=_QUEUE_MODE in given),
        version=version,
        endpoint_type=given.get("et", ""),
        parameters=_others(given, version),
        structure=listed,
    )


def parse_update(
    queries: Sequence[str], *, payload: bytes, content_format: int | None
) -> UpdateRequest:
    """Parse an Update; raise the InvalidInput that says what is wrong."""
    given = parameters.parse(queries)
    return UpdateRequest(
        lifetime=_lifetime(given, infinite=True),
        binding=given.get("b"),
        flagged=_QUEUE_MODE in given,
        endpoint_type=given.get("et"),
        links=_parse_links(payload, content_format) if payload else None,
        parameters=_others(given),
    )


def restructured(
    stored: Structure, links: Sequence[Link], profile: Profile
) -> Structure:
    """Return what a structure becomes by links: they are a delta or all of it."""
    if profile.merges:
        return structure.merge(stored, links)
    return structure.from_links(links)


def check_binding(binding: str, version: str) -> None:
    """Raise InvalidParameter unless a binding is one of this version's (B-199)."""
    if version == "1.0":
        known = binding in _BINDINGS_1_0
    else:
        transports = frozenset(binding)
        known = transports <= _TRANSPORTS and 0 < len(binding) == len(transports)
    if not known:
        raise InvalidParameter("b", f"is no binding of LwM2M {version}")


def rebound(asked: UpdateRequest, version: str) -> tuple[str, bool] | None:
    """Return the binding that an Update asks for, and whether it is queue mode.

    The binding is "" where only queue mode is asked for; None is neither. Raises
    InvalidParameter.
    """
    if asked.binding is not None:
        check_binding(asked.binding, version)
        return asked.binding, _sleeps(asked.binding, version, flagged=asked.flagged)
    return ("", True) if asked.flagged and version != "1.0" else None


def location(
    account: AccountId,
    device: DeviceId,
    registration: RegistrationId,
    *,
    fixed: bool,
) -> tuple[str, ...]:
    """Return the Location of a registration, or the fixed one of its device (B-092)."""
    return ("rd", account, device) if fixed else ("rd", registration)


def parse_location(path: Sequence[str]) -> RegistrationId | FixedLocation:
    """Parse a path that `location` made; raise InvalidName where it did not."""
    match path:
        case ("rd", registration):
            return names.parse_registration_id(registration)
        case ("rd", account, device):
            return FixedLocation(
                names.parse_account_id(account), names.parse_device_id(device)
            )
        case _:
            raise InvalidName("location", "leads to no registration")


def _sleeps(binding: str, version: str, *, flagged: bool) -> bool:
    """Say whether that is queue mode: in the binding, from 1.1 on in a flag (Q-4)."""
    return _QUEUE_MODE in binding if version == "1.0" else flagged


def _endpoint_name(given: Mapping[str, str]) -> EndpointName | None:
    return names.parse_endpoint_name(given["ep"]) if "ep" in given else None


def _lifetime(given: Mapping[str, str], *, infinite: bool) -> int | None:
    text = given.get("lt")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise InvalidParameter("lt", "is not a number of seconds")
    lifetime = int(text) if len(text) <= _LONGEST_NUMBER else LONGEST_LIFETIME + 1
    if lifetime == 0 and infinite:
        return LONGEST_LIFETIME
    if not 1 <= lifetime <= LONGEST_LIFETIME:
        raise InvalidParameter("lt", f"is not between 1 and {LONGEST_LIFETIME} seconds")
    return lifetime


def _others(given: Mapping[str, str], version: str = "") -> Mapping[str, str]:
    """Return what is left; in 1.0 a bare ``Q`` is a parameter like any other."""
    return {
        name: value
        for name, value in given.items()
        if name not in _UNDERSTOOD or (name == _QUEUE_MODE and version == "1.0")
    }


def _parse_links(payload: bytes, content_format: int | None) -> tuple[Link, ...]:
    if content_format not in (None, linkformat.CONTENT_FORMAT):
        raise UnsupportedFormat(content_format)
    return linkformat.parse(payload)
