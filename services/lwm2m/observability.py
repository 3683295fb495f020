"""What the lwm2m edge tells about itself."""

import structlog
from prometheus_client import Counter, Gauge, Histogram

from homeport.coap.answer import Answer
from homeport.coap.codec import Message, code_text, request_text
from homeport.events.facts import RequestOutcome
from homeport.store.operations import Operation, Outcome, Register, Result

_log = structlog.get_logger()

_OPERATIONS = Counter(
    "homeport_lwm2m_operations_total",
    "Registration operations by what came of them.",
    ["result"],
)
_CONFLICTS = Counter(
    "homeport_lwm2m_identity_conflicts_total",
    "Registrations by a credential that another device used less than a minute before.",
)
_BATCH = Histogram(
    "homeport_lwm2m_batch_size",
    "Operations in one script call.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)
_REFUSED = Counter(
    "homeport_lwm2m_refused_total", "Requests refused before the store.", ["code"]
)
_DROPPED = Counter(
    "homeport_lwm2m_dropped_total", "Datagrams left to be repeated.", ["reason"]
)
_BACKLOG = Gauge("homeport_lwm2m_backlog", "Requests that wait for a script call.")
_REQUESTS = Counter(
    "homeport_lwm2m_requests_total",
    "Device requests by what came of them; postponed ones are tried again.",
    ["outcome"],
)
_REQUEST_SECONDS = Histogram(
    "homeport_lwm2m_request_seconds",
    "How long devices were asked until a request was over or postponed.",
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120),
)
_NOTIFICATIONS = Counter(
    "homeport_lwm2m_notifications_total",
    "Notifications of devices by what came of them.",
    ["result"],
)
_ENROLLED = Counter(
    "homeport_lwm2m_enrolled_total",
    "Devices that were given another certificate to register with.",
)
_RECALLS = Counter(
    "homeport_lwm2m_recalls_total",
    "Devices that were looked for where they were heard last, by what came of that.",
    ["result"],
)
_POSTPONED = "postponed"
_BY_RESULT = {result: _OPERATIONS.labels(result.value) for result in Result}


def record_enrolled(identity: str) -> None:
    """Count and log a device that was given another certificate."""
    _ENROLLED.inc()
    _log.info("certificate renewed", identity=identity)


def record_batch(size: int, backlog: int) -> None:
    """Show how full the script calls are."""
    _BATCH.observe(size)
    _BACKLOG.set(backlog)


def record_outcome(operation: Operation, outcome: Outcome) -> None:
    """Count what came of an operation; log where a registration begins."""
    _BY_RESULT[outcome.result].inc()
    if type(operation) is Register:
        _log.info(
            "register",
            result=outcome.result.value,
            device=operation.device,
            account=operation.account,
            lifetime=operation.lifetime,
            peer=operation.peer,
        )
        if outcome.rival:
            _CONFLICTS.inc()
            _log.warning(
                "identity conflict",
                device=operation.device,
                account=operation.account,
                identity=operation.identity,
                peer=operation.peer,
                rival=outcome.rival,
            )


def record_refused(message: Message, answer: Answer, peer: str) -> None:
    """Count and log a request that was refused before it reached the store."""
    code = code_text(answer.code)
    _REFUSED.labels(code).inc()
    _log.info(
        "refused",
        asked=request_text(message),
        code=code,
        reason=answer.payload.decode(),
        peer=peer,
    )


def record_dropped(reason: str, count: int = 1) -> None:
    """Count what is left to be repeated by its sender."""
    _DROPPED.labels(reason).inc(count)


def record_away(reason: str, count: int) -> None:
    """Log that the store is away and how many requests it cost."""
    _DROPPED.labels("store").inc(count)
    _log.warning("store away", reason=reason, requests=count)


def record_request(outcome: RequestOutcome | None, seconds: float) -> None:
    """Count how an attempt of a device request has ended, after so many seconds."""
    _REQUESTS.labels(outcome.value if outcome is not None else _POSTPONED).inc()
    _REQUEST_SECONDS.observe(max(0.0, seconds))


def record_notification(result: str) -> None:
    """Count what came of a notification."""
    _NOTIFICATIONS.labels(result).inc()


def record_overheard(outcome: Outcome) -> None:
    """Count what came of an answer that another edge waits for."""
    _BY_RESULT[outcome.result].inc()


def record_recalled(result: str) -> None:
    """Count what came of looking for a device."""
    _RECALLS.labels(result).inc()


def record_unreadable(reason: str) -> None:
    """Log that a request waits which another version of us has written."""
    _log.warning("request not understood", reason=reason)


def record_deaf(reason: str) -> None:
    """Log that nobody can tell this edge of new requests: they wait for contact."""
    _log.warning("not told of new requests", reason=reason)
