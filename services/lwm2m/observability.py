"""What the lwm2m edge tells about itself."""

import structlog
from prometheus_client import Counter, Gauge, Histogram

from homeport.coap.answer import Answer
from homeport.coap.codec import Message, code_text, request_text
from homeport.store.operations import Operation, Outcome, Register, Result

_log = structlog.get_logger()

_OPERATIONS = Counter(
    "homeport_lwm2m_operations_total",
    "Registration operations by what came of them.",
    ["result"],
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
_BY_RESULT = {result: _OPERATIONS.labels(result.value) for result in Result}


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
