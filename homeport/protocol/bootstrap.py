"""The bootstrap interface: one thing after another is asked of a device.

Which things, and in which order, depends on the client; the next is asked when the
device has answered the one before (BS-9)::

    IZUMA            write /0 ───────────────────────────────────────▶ finish
    IZUMA_STANDARD   delete / ──────────▶ write /0/0 ──▶ write /1/0 ──▶ finish
    LWM2M_1_0        delete / ──▶ write /1/1 ──▶ discover ──▶ write /0/N ──▶ finish
    LWM2M_1_1        delete / ──▶ discover ──▶ write /0/N ──▶ write /1/N ──▶ finish

A device that is to enroll asks for its certificate after that, and has finished when it
has it (EST-2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, StrEnum, auto

from homeport import names
from homeport.errors import InvalidFormat, InvalidName
from homeport.names import AccountId, DeviceId, EndpointName
from homeport.protocol import handover as handovers
from homeport.protocol import linkformat, tlv
from homeport.protocol import queries as parameters
from homeport.protocol.handover import Enrollment, Handover
from homeport.protocol.tlv import ObjectInstance

ENROLLMENT_PATH = ("est", "sen")
"""Where a device asks for its certificate (EST-2)."""
LARGEST_SZX = 6
IZUMA_SZX = 5
"""512-byte blocks: the only size that is safe towards Izuma devices (COAP-20)."""
_LONGEST_REASON = 64
_VERSION_1_0 = b'lwm2m="1.0",'
"""What the list of a discovered device of LwM2M 1.0 begins with, and is no link."""


class Client(Enum):
    """Which kind of client asks (devices.md section 16)."""

    IZUMA = auto()
    IZUMA_STANDARD = auto()
    LWM2M_1_0 = auto()
    LWM2M_1_1 = auto()


class Step(Enum):
    """What may be asked of a device."""

    DELETE = auto()
    DISCOVER = auto()
    WRITE_SECURITY = auto()
    WRITE_SERVER = auto()
    FINISH = auto()


_WRITES = (Step.WRITE_SECURITY, Step.WRITE_SERVER, Step.FINISH)

STEPS: Mapping[Client, tuple[Step, ...]] = {
    Client.IZUMA: (Step.WRITE_SECURITY, Step.FINISH),
    Client.IZUMA_STANDARD: (Step.DELETE, *_WRITES),
    Client.LWM2M_1_0: (
        Step.DELETE,
        Step.WRITE_SERVER,
        Step.DISCOVER,
        Step.WRITE_SECURITY,
        Step.FINISH,
    ),
    Client.LWM2M_1_1: (Step.DELETE, Step.DISCOVER, *_WRITES),
}
"""An Izuma client brings its own Server object, so that its lifetime stays its own.

One of LwM2M 1.0 hears a write first (WHO-3), but is discovered before its Security
object is written: its bootstrap account may be any instance, and a write over that one
would be its last bootstrap (B-189).
"""


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
    client: Client


@dataclass(frozen=True, slots=True)
class BootstrapSession:
    """A bootstrap under way: which step it stands at, and which instances it writes."""

    client: Client
    handover: Handover
    security_instance: int
    server_instance: int
    at: int = 0

    @property
    def ask(self) -> Ask:
        """What the device has to answer next."""
        match STEPS[self.client][self.at]:
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
        step = STEPS[self.client][self.at]
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
        if STEPS[self.client][self.at] is Step.DISCOVER:
            return replace(self, at=self.at + 1)
        return Failed(self.ask.name, "", reason)

    def _write_security(self) -> Ask:
        resources = handovers.security_resources(self.handover)
        if self.client is Client.IZUMA:
            whole = tlv.encode([ObjectInstance(0, resources)])
            return _write(("0",), whole, szx=IZUMA_SZX)
        return _write(("0", str(self.security_instance)), tlv.encode(resources))

    def _write_server(self) -> Ask:
        resources = handovers.server_resources(self.handover)
        return _write(("1", str(self.server_instance)), tlv.encode(resources))

    def _finish(self) -> Ask:
        """Say that this was all; to a device that enrolls, under which id (EST-1)."""
        security = self.handover.security
        queries: tuple[str, ...] = ()
        if isinstance(security, Enrollment):
            queries = (f"iep={security.device}",)
        return Ask(Method.POST, ("bs",), queries=queries)


def parse_request(queries: Sequence[str], *, has_max_age: bool) -> BootstrapRequest:
    """Parse a POST /bs; raise the InvalidInput that says what is wrong.

    ``has_max_age`` says that the request carries that option: only Izuma's clients put
    it into requests (COAP-2), and the one for standard servers is told by it.
    """
    given = parameters.parse(queries)
    return BootstrapRequest(
        names.parse_endpoint_name(given["ep"]) if "ep" in given else None,
        names.parse_account_id(given["aid"]) if "aid" in given else None,
        _hint(given.get("iep")),
        _client(given, has_max_age=has_max_age),
    )


def server_uri(base: str, account: AccountId, device: DeviceId, client: Client) -> str:
    """Return the URI to hand over; an Izuma device registers by its query (BS-19)."""
    if client is Client.IZUMA:
        return f"{base}?aid={account}&iep={device}"
    return base


def begin(client: Client, handover: Handover) -> BootstrapSession:
    """Begin at the client's first step."""
    first = 0 if client is Client.IZUMA_STANDARD else 1
    return BootstrapSession(client, handover, first, first)


def _client(given: Mapping[str, str], *, has_max_age: bool) -> Client:
    if "mccv" in given:
        return Client.IZUMA
    if "pct" in given:
        return Client.LWM2M_1_1
    return Client.IZUMA_STANDARD if has_max_age else Client.LWM2M_1_0


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


def _write(path: tuple[str, ...], payload: bytes, *, szx: int = LARGEST_SZX) -> Ask:
    return Ask(
        Method.PUT, path, content_format=tlv.CONTENT_FORMAT, payload=payload, szx=szx
    )


def _reason(payload: bytes) -> str:
    text = payload.decode(errors="replace")
    shown = "".join(character for character in text if character.isprintable())
    return shown[:_LONGEST_REASON] or "was refused"
