"""The bootstrap interface: one thing after another is asked of a device.

Which things, and in which order, its profile says; the next is asked when the device
has answered the one before (BS-9)::

    IZUMA            write /0 ───────────────────────────────────────▶ finish
    IZUMA_STANDARD   delete / ──────────▶ write /0/0 ──▶ write /1/0 ──▶ finish
    LWM2M_1_0        delete / ──▶ write /1/1 ──▶ discover ──▶ write /0/N ──▶ finish
    LWM2M_1_1, 1_2   delete / ──▶ discover ──▶ write /0/N ──▶ write /1/N ──▶ finish

A device that is to enroll asks for its certificate after that, and has finished when it
has it (EST-2).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from homeport import names
from homeport.errors import InvalidFormat, InvalidName
from homeport.names import AccountId, DeviceId, EndpointName
from homeport.protocol import handover as handovers
from homeport.protocol import linkformat, profiles, tlv
from homeport.protocol import queries as parameters
from homeport.protocol.handover import Enrollment, Handover
from homeport.protocol.profiles import LARGEST_SZX, Profile, Step
from homeport.protocol.tlv import ObjectInstance

ENROLLMENT_PATH = ("est", "sen")
"""Where a device asks for its certificate (EST-2)."""
_LONGEST_REASON = 64
_VERSION_1_0 = b'lwm2m="1.0",'
"""What the list of a discovered device of LwM2M 1.0 begins with, and is no link."""


class Method(StrEnum):
    """The CoAP methods that bootstrap uses towards a device."""

    GET = "GET"
    PUT = "PUT"
    POST = "POST"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to the device; the root path has no segments at all (PEER-1)."""

    method: Method
    path: tuple[str, ...]
    content_format: int | None = None
    accept: int | None = None
    payload: bytes = b""
    szx: int = LARGEST_SZX
    queries: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What people call it: ``PUT /0``."""
        return f"{self.method} /{'/'.join(self.path)}"


@dataclass(frozen=True, slots=True)
class Enrolling:
    """The device asks for its certificate next, on the same connection (EST-2)."""

    def refused(self, reason: str) -> "Failed":
        """Take it that the device asks for what it can not have."""
        return Failed(f"POST /{'/'.join(ENROLLMENT_PATH)}", "", reason)

    def unanswered(self, reason: str) -> "Failed":
        """Take it that the device will not ask."""
        return self.refused(reason)


@dataclass(frozen=True, slots=True)
class Finished:
    """The device has everything and said so (B-026)."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt is over: what was asked, the device's code or "", and why."""

    step: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class BootstrapRequest:
    """What a device says when it asks; ``iep`` is a hint and never a proof (B-059)."""

    endpoint_name: EndpointName | None
    account: AccountId | None
    iep: DeviceId | None
    profile: Profile


@dataclass(frozen=True, slots=True)
class BootstrapSession:
    """A bootstrap under way: which step it stands at, and which instances it writes."""

    profile: Profile
    handover: Handover
    security_instance: int
    server_instance: int
    at: int = 0

    @property
    def ask(self) -> Ask:
        """What the device has to answer next."""
        match self.profile.steps[self.at]:
            case Step.DELETE:
                return Ask(Method.DELETE, ())
            case Step.DISCOVER:
                return Ask(Method.GET, (), accept=linkformat.CONTENT_FORMAT)
            case Step.WRITE_SECURITY:
                return self._write_security()
            case Step.WRITE_SERVER:
                return self._write_server()
            case Step.FINISH:
                return self._finish()

    def answered(
        self, code: str, payload: bytes
    ) -> "BootstrapSession | Enrolling | Finished | Failed":
        """Take the answer to `ask`, its code as ``2.04``; return what comes of it."""
        step = self.profile.steps[self.at]
        accepted = code.startswith("2.")
        if not accepted and step is not Step.DISCOVER:
            return Failed(self.ask.name, code, _reason(payload))
        if step is Step.FINISH:
            enrolls = isinstance(self.handover.security, Enrollment)
            return Enrolling() if enrolls else Finished()
        advanced = replace(self, at=self.at + 1)
        if accepted and step is Step.DISCOVER:
            return _discovered(advanced, payload)
        return advanced

    def unanswered(self, reason: str) -> "BootstrapSession | Failed":
        """Take it that the answer to `ask` will not come."""
        if self.profile.steps[self.at] is Step.DISCOVER:
            return replace(self, at=self.at + 1)
        return Failed(self.ask.name, "", reason)

    def _write_security(self) -> Ask:
        resources = handovers.security_resources(self.handover)
        if self.profile.takes_instances:
            whole = tlv.encode([ObjectInstance(0, resources)])
            return self._write(("0",), whole)
        path = ("0", str(self.security_instance))
        return self._write(path, tlv.encode(resources))

    def _write_server(self) -> Ask:
        resources = handovers.server_resources(self.handover)
        return self._write(("1", str(self.server_instance)), tlv.encode(resources))

    def _write(self, path: tuple[str, ...], payload: bytes) -> Ask:
        return Ask(
            Method.PUT,
            path,
            content_format=tlv.CONTENT_FORMAT,
            payload=payload,
            szx=self.profile.szx,
        )

    def _finish(self) -> Ask:
        """Say that this was all; to a device that enrolls, under which id (EST-1)."""
        security = self.handover.security
        queries: tuple[str, ...] = ()
        if isinstance(security, Enrollment):
            queries = (f"iep={security.device}",)
        return Ask(Method.POST, ("bs",), queries=queries)


def parse_request(queries: Sequence[str], *, has_max_age: bool) -> BootstrapRequest:
    """Parse a POST /bs; raise the InvalidInput that says what is wrong.

    ``has_max_age`` is as in `profiles.recognize`.
    """
    given = parameters.parse(queries)
    return BootstrapRequest(
        names.parse_endpoint_name(given["ep"]) if "ep" in given else None,
        names.parse_account_id(given["aid"]) if "aid" in given else None,
        _hint(given.get("iep")),
        profiles.recognize(queries, has_max_age=has_max_age),
    )


def server_uri(
    base: str, account: AccountId, device: DeviceId, profile: Profile
) -> str:
    """Return the URI to hand over; some devices register by its query (BS-19)."""
    return f"{base}?aid={account}&iep={device}" if profile.addressed else base


def begin(profile: Profile, handover: Handover) -> BootstrapSession:
    """Begin at the first step."""
    first = profile.first_instance
    return BootstrapSession(profile, handover, first, first)


def _hint(iep: str | None) -> DeviceId | None:
    try:
        return names.parse_device_id(iep) if iep is not None else None
    except InvalidName:
        return None


def _discovered(session: BootstrapSession, payload: bytes) -> BootstrapSession:
    """Choose instances that the device's own accounts leave free (B-190)."""
    try:
        links = linkformat.parse(payload.removeprefix(_VERSION_1_0))
    except InvalidFormat:
        return session
    listed = {link.target for link in links}
    return replace(
        session,
        security_instance=_free(listed, "/0", session.security_instance),
        server_instance=_free(listed, "/1", session.server_instance),
    )


def _free(listed: set[str], object_path: str, wanted: int) -> int:
    """Return the wanted instance, or the next that the device does not list."""
    while f"{object_path}/{wanted}" in listed:
        wanted += 1
    return wanted


def _reason(payload: bytes) -> str:
    text = payload.decode(errors="replace")
    shown = "".join(character for character in text if character.isprintable())
    return shown[:_LONGEST_REASON] or "was refused"
