"""The bootstrap interface: one thing after another is asked of a device.

Which things, and in which order, its plan says, by its profile first of all; the next
is asked when the device has answered the one before (BS-9)::

    IZUMA            write /0 ───────────────────────────────────────▶ finish
    IZUMA, again     delete / ──▶ write /0 ──────────────────────────▶ finish
    IZUMA_STANDARD   delete / ──────────▶ write /0/0 ──▶ write /1/0 ──▶ finish
    LWM2M_1_0        delete / ──▶ write /1/1 ──▶ discover ──▶ write /0/N ──▶ finish
    LWM2M_1_1, 1_2   delete / ──▶ discover ──▶ write /0/N ──▶ write /1/N ──▶ finish

What its account wants besides is written, and then read, before the finish. A device
that is to enroll asks for its certificate after that, and has finished when it has it
(EST-2).
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from homeport.errors import InvalidInput
from homeport.protocol import handover as handovers
from homeport.protocol import instances, linkformat, paths, tlv
from homeport.protocol.formats import codecs
from homeport.protocol.formats.records import Record
from homeport.protocol.handover import Enrollment
from homeport.protocol.instances import Listing
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import Path
from homeport.protocol.plans import Plan, Task
from homeport.protocol.profiles import LARGEST_SZX, Step

ENROLLMENT_PATH = ("est", "sen")
"""Where a device asks for its certificate (EST-2)."""
PACK_PATH = ("bspack",)
"""Where a device asks for all that it is to be given at once (B-194)."""
_LONGEST_REASON = 64
_UNREADABLE = frozenset({"4.00", "4.15"})
"""What is said of a format that a device does not know, or reads in its own way:
Wakaama prefers SenML JSON, but takes its octets for those of another alphabet."""
_OPTIONAL = frozenset({Step.DISCOVER, Step.READ})
"""What a bootstrap goes on without."""


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
class Finished:
    """The device has everything and said so (B-026); what was read of it before."""

    read: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt is over: what was asked, the device's code or "", and why."""

    step: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Enrolling:
    """The device asks for its certificate next, on the same connection (EST-2)."""

    read: tuple[Record, ...] = ()

    def refused(self, reason: str) -> Failed:
        """Take it that the device asks for what it can not have."""
        return Failed(f"POST /{'/'.join(ENROLLMENT_PATH)}", "", reason)

    def unanswered(self, reason: str) -> Failed:
        """Take it that the device will not ask."""
        return self.refused(reason)


@dataclass(frozen=True, slots=True)
class Fetching:
    """The device takes all that it is to be given, block by block."""

    def unanswered(self, reason: str) -> Failed:
        """Take it that the device will not take the rest."""
        return Failed(f"GET /{'/'.join(PACK_PATH)}", "", reason)


@dataclass(frozen=True, slots=True)
class BootstrapSession:
    """A bootstrap under way: at which task, and what the device has said of itself.

    ``content_format`` is the one of writes.
    """

    plan: Plan
    tasks: tuple[Task, ...]
    content_format: int
    listing: Listing = instances.NOTHING
    read: tuple[Record, ...] = ()
    at: int = 0

    @property
    def ask(self) -> Ask:  # noqa: PLR0911 # one for each step
        """What the device has to answer next; raise InvalidValue for what has no form.

        That is so where a value of a configuration cannot be said in the format.
        """
        task = self.tasks[self.at]
        match task.step:
            case Step.DELETE:
                return Ask(Method.DELETE, ())
            case Step.DISCOVER:
                return Ask(Method.GET, (), accept=linkformat.CONTENT_FORMAT)
            case Step.WRITE_SECURITY:
                return self._write(self.plan.security(task.number, self.listing))
            case Step.WRITE_SERVER:
                return self._write(self.plan.server(task.number, self.listing))
            case Step.WRITE_INSTANCE:
                return self._write(self.plan.instance(task.number))
            case Step.READ:
                path = _segments(self._read_path)
                return Ask(Method.GET, path, accept=self.content_format)
            case Step.FINISH:
                return self._finish()

    @property
    def name(self) -> str:
        """What people call the task that it stands at."""
        return self.tasks[self.at].step.name.lower().replace("_", " ")

    def answered(
        self, code: str, payload: bytes, content_format: int | None = None
    ) -> "Reached":
        """Take the answer to `ask`, its code as ``2.04``; return what comes of it."""
        if code.startswith("2."):
            return self._accepted(payload, content_format)
        step = self.tasks[self.at].step
        if step in _OPTIONAL:
            return self._next()
        is_write = self.ask.content_format is not None
        if code in _UNREADABLE and is_write and self._falls_back:
            return replace(self, content_format=tlv.CONTENT_FORMAT)
        if step is Step.WRITE_SECURITY and self._enrolls:
            return CertificateNeeded(self)
        return Failed(self.ask.name, code, _reason(payload))

    def unanswered(self, reason: str) -> "BootstrapSession | Failed":
        """Take it that the answer to `ask` will not come."""
        if self.tasks[self.at].step in _OPTIONAL:
            return self._next()
        return Failed(self.ask.name, "", reason)

    @property
    def _enrolls(self) -> bool:
        return isinstance(self.plan.handover.security, Enrollment)

    @property
    def _falls_back(self) -> bool:
        return self.content_format != tlv.CONTENT_FORMAT

    @property
    def _read_path(self) -> Path:
        return self.plan.configuration.reads[self.tasks[self.at].number]

    def _accepted(self, payload: bytes, content_format: int | None) -> "Reached":
        match self.tasks[self.at].step:
            case Step.FINISH if self._enrolls:
                return Enrolling(self.read)
            case Step.FINISH:
                return Finished(self.read)
            case Step.DISCOVER:
                return replace(self._next(), listing=instances.parse(payload))
            case Step.READ:
                read = self._decoded(payload, content_format)
                return replace(self._next(), read=(*self.read, *read))
            case _:
                return self._next()

    def _next(self) -> "BootstrapSession":
        return replace(self, at=self.at + 1)

    def _decoded(
        self, payload: bytes, content_format: int | None
    ) -> tuple[Record, ...]:
        """Decode what was read; what cannot be understood is nothing."""
        said = self.content_format if content_format is None else content_format
        try:
            return codecs.decode(said, payload, base=self._read_path, definitions=CORE)
        except InvalidInput:
            return ()

    def _write(self, records: tuple[Record, ...]) -> Ask:
        base = self.plan.written_at(records)
        return Ask(
            Method.PUT,
            _segments(base),
            content_format=self.content_format,
            payload=codecs.encode(self.content_format, records, base=base),
            szx=self.plan.profile.szx,
        )

    def _finish(self) -> Ask:
        """Say that this was all; to a device that enrolls, under which id (EST-1)."""
        security = self.plan.handover.security
        queries: tuple[str, ...] = ()
        if isinstance(security, Enrollment):
            queries = (f"iep={security.device}",)
        return Ask(Method.POST, ("bs",), queries=queries)


@dataclass(frozen=True, slots=True)
class CertificateNeeded:
    """The device does not enroll: it takes no such security (EST-8)."""

    session: BootstrapSession

    def handed(self, security: handovers.Certificate) -> BootstrapSession:
        """Go on with a certificate made for it."""
        plan = self.session.plan
        handover = replace(plan.handover, security=security)
        return replace(self.session, plan=replace(plan, handover=handover))


Reached = BootstrapSession | CertificateNeeded | Enrolling | Finished | Failed


def begin(plan: Plan, content_format: int = tlv.CONTENT_FORMAT) -> BootstrapSession:
    """Begin at the first task; whole instances are said in TLV alone (BS-23)."""
    if plan.profile.takes_instances:
        content_format = tlv.CONTENT_FORMAT
    return BootstrapSession(plan, plan.tasks, content_format)


def _segments(path: Path) -> tuple[str, ...]:
    return tuple(paths.build(path).split("/")[1:])


def _reason(payload: bytes) -> str:
    text = payload.decode(errors="replace")
    shown = "".join(character for character in text if character.isprintable())
    return shown[:_LONGEST_REASON] or "was refused"
