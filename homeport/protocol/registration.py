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
_UNDERSTOOD = frozenset({"ep", "aid", "lt", "lwm2m", "b", "Q", "et"})


@dataclass(frozen=True, slots=True)
class RegisterRequest:
    """What a device says when it registers; what it leaves out has its default.

    ``account`` is its ``aid``; ``izuma`` says that it is an Izuma client (WHO-1).
    ``parameters`` are all that nothing here stands for (B-200).
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
    izuma: bool


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    """What a device says when it updates; None where it says nothing.

    Its links are a delta or a full list: which of the two, its profile tells (B-101).
    """

    lifetime: int | None
    binding: str | None
    queue_mode: bool | None
    endpoint_type: str | None
    links: tuple[Link, ...] | None


@dataclass(frozen=True, slots=True)
class IzumaLocation:
    """The one Location of an Izuma device: it names the device, not a registration."""

    account: AccountId
    device: DeviceId


def parse_register(
    queries: Sequence[str], *, payload: bytes, content_format: int | None
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
    izuma = "mccv" in given
    links = _parse_links(payload, content_format)
    listed = structure.merge({}, links) if izuma else structure.from_links(links)
    if not structure.lists_object(listed):
        raise InvalidFormat("link format", "lists no object")
    return RegisterRequest(
        endpoint_name=_endpoint_name(given),
        account=names.parse_account_id(given["aid"]) if "aid" in given else None,
        lifetime=_lifetime(given, infinite=version != "1.0") or DEFAULT_LIFETIME,
        binding=binding,
        queue_mode="Q" in given or "Q" in binding,
        version=version,
        endpoint_type=given.get("et", ""),
        parameters={
            name: value for name, value in given.items() if name not in _UNDERSTOOD
        },
        structure=listed,
        izuma=izuma,
    )


def parse_update(
    queries: Sequence[str], *, payload: bytes, content_format: int | None
) -> UpdateRequest:
    """Parse an Update; raise the InvalidInput that says what is wrong.

    Whether its binding is one of the registration's version, `check_binding` says.
    """
    given = parameters.parse(queries)
    binding = given.get("b")
    queue_mode = "Q" in given or "Q" in (binding or "")
    return UpdateRequest(
        lifetime=_lifetime(given, infinite=True),
        binding=binding,
        queue_mode=queue_mode if binding or queue_mode else None,
        endpoint_type=given.get("et"),
        links=_parse_links(payload, content_format) if payload else None,
    )


def check_binding(binding: str, version: str) -> None:
    """Raise InvalidParameter unless a binding is one of this version's (B-199)."""
    if version == "1.0":
        known = binding in _BINDINGS_1_0
    else:
        transports = frozenset(binding)
        known = transports <= _TRANSPORTS and 0 < len(binding) == len(transports)
    if not known:
        raise InvalidParameter("b", f"is no binding of LwM2M {version}")


def location(
    account: AccountId,
    device: DeviceId,
    registration: RegistrationId,
    *,
    izuma: bool,
) -> tuple[str, ...]:
    """Return the Location of a registration; an Izuma device's is fixed (B-092)."""
    return ("rd", account, device) if izuma else ("rd", registration)


def parse_location(path: Sequence[str]) -> RegistrationId | IzumaLocation:
    """Parse a path that `location` made; raise InvalidName where it did not."""
    match path:
        case ("rd", registration):
            return names.parse_registration_id(registration)
        case ("rd", account, device):
            return IzumaLocation(
                names.parse_account_id(account), names.parse_device_id(device)
            )
        case _:
            raise InvalidName("location", "leads to no registration")


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


def _parse_links(payload: bytes, content_format: int | None) -> tuple[Link, ...]:
    if content_format not in (None, linkformat.CONTENT_FORMAT):
        raise UnsupportedFormat(content_format)
    return linkformat.parse(payload)
