"""What the bootstrap edge tells about itself."""

import structlog
from prometheus_client import Counter, Gauge

from homeport.coap.answer import Answer
from homeport.coap.codec import Message, code_text, request_text
from homeport.protocol.bootstrap import Failed, Finished
from homeport.store.operations import Result
from services.bootstrap.attempts import Attempt

_log = structlog.get_logger()

_REQUESTS = Counter(
    "homeport_bootstrap_requests_total",
    "Bootstrap requests by what came of them.",
    ["result"],
)
_ENDED = Counter(
    "homeport_bootstrap_ended_total",
    "Bootstraps by how they ended: finished, failed or superseded.",
    ["result"],
)
_NOT_ENROLLED = Counter(
    "homeport_bootstrap_not_enrolled_total",
    "Devices that were handed a certificate because they can not enroll.",
)
_REFUSED = Counter(
    "homeport_bootstrap_refused_total", "Requests refused, by code.", ["code"]
)
_DROPPED = Counter(
    "homeport_bootstrap_dropped_total", "Requests sent away for a while.", ["reason"]
)
_SESSIONS = Gauge("homeport_bootstrap_sessions", "Bootstraps under way.")


def record_request(attempt: Attempt, result: Result, peer: str) -> None:
    """Count and log a request that reached the store."""
    _REQUESTS.labels(result.value).inc()
    begun = attempt.operation
    _log.info(
        "bootstrap",
        result=result.value,
        device=begun.device,
        account=begun.account,
        profile=attempt.recipient.profile.name,
        configuration=attempt.configuration.id or None,
        means=attempt.identity.means.value,
        foreign_iep=attempt.iep if attempt.iep != begun.device else None,
        peer=peer,
    )


def record_ended(attempt: Attempt, end: Finished | Failed) -> None:
    """Count and log how a bootstrap ended."""
    failed = isinstance(end, Failed)
    _ENDED.labels("failed" if failed else "finished").inc()
    details = (
        {"step": end.step, "code": end.code, "reason": end.reason}
        if isinstance(end, Failed)
        else {}
    )
    _log.info(
        "bootstrap ended",
        result="failed" if failed else "finished",
        device=attempt.operation.device,
        account=attempt.operation.account,
        **details,
    )


def record_superseded(attempt: Attempt) -> None:
    """Count and log a bootstrap whose device began another one."""
    _ENDED.labels("superseded").inc()
    _log.info("bootstrap superseded", device=attempt.operation.device)


def record_not_enrolled(attempt: Attempt) -> None:
    """Count and log a device that takes a certificate, as it can not enroll."""
    _NOT_ENROLLED.inc()
    _log.info("does not enroll", device=attempt.operation.device)


def record_sessions(count: int) -> None:
    """Show how many bootstraps are under way."""
    _SESSIONS.set(count)


def record_refused(message: Message, answer: Answer, peer: str) -> None:
    """Count and log a request that was refused."""
    code = code_text(answer.code)
    _REFUSED.labels(code).inc()
    _log.info(
        "refused",
        asked=request_text(message),
        code=code,
        reason=answer.payload.decode(),
        peer=peer,
    )


def record_full() -> None:
    """Count a request that came while too many bootstraps were under way."""
    _DROPPED.labels("sessions").inc()


def record_away(reason: str, requests: int) -> None:
    """Log that the store is away and how many requests it cost."""
    _DROPPED.labels("store").inc(requests)
    _log.warning("store away", reason=reason, requests=requests)


def record_unrecorded(endings: int) -> None:
    """Log ends of bootstraps that could not be recorded before we had to stop."""
    _log.error("ends of bootstraps lost", count=endings)
