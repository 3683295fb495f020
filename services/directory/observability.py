"""What the directory service tells about itself."""

import logging
from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import structlog
from prometheus_client import Counter, Histogram

from homeport.errors import HomeportError
from homeport.events.facts import AnyFact
from services.directory.renewals.outcomes import Ended

TOO_MANY = "too_many_requests"

_log = structlog.get_logger()

_FACTS = Counter(
    "homeport_directory_facts_total", "Facts that are in the directory.", ["fact"]
)
_BATCHES = Histogram(
    "homeport_directory_batch_size",
    "Facts that were stored together.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)
_DELAYS = Histogram(
    "homeport_directory_delay_seconds",
    "How old the oldest fact of a batch was when it was stored.",
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600),
)
_FAULTS = Counter(
    "homeport_directory_faults_total",
    "Batches that could not be stored and come again.",
)
_UNREADABLE = Counter(
    "homeport_directory_unreadable_total", "Messages that are no fact we know."
)
_TRUST = Counter(
    "homeport_directory_trust_written_total", "Times all of the trust view was written."
)
_TRUST_DELAYS = Histogram(
    "homeport_directory_trust_delay_seconds",
    "How long changes took from their commit until the trust view had them and the "
    "edges were told.",
    buckets=(0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300),
)
_DROPPED = Counter(
    "homeport_directory_history_dropped_total",
    "Weeks of device events that were too old.",
)
_RENEWALS_ASKED = Counter(
    "homeport_directory_renewals_asked_total",
    "Certificate renewals that devices were asked for.",
)
_RENEWALS = Counter(
    "homeport_directory_renewals_total",
    "Certificate renewals that are over.",
    ["result"],
)
_RENEWALS_LOST = Counter(
    "homeport_directory_renewals_lost_total",
    "Certificate renewals that were ended because nothing held them any more.",
)
_NOT_POKED = Counter(
    "homeport_directory_pokes_failed_total",
    "Renewals that wait for their device's next message: no edge was told.",
)
_REFUSED = Counter(
    "homeport_directory_refused_total", "REST calls that were refused.", ["type"]
)


def record_stored(facts: Sequence[AnyFact]) -> None:
    """Count a batch that is in the directory, and how late its oldest fact was."""
    for name, count in Tally(fact.name for fact in facts).items():
        _FACTS.labels(name.value).inc(count)
    _BATCHES.observe(len(facts))
    oldest = min((fact.time for fact in facts), default=None)
    if oldest is not None:
        _DELAYS.observe((datetime.now(UTC) - oldest).total_seconds())


def record_not_stored(error: Exception) -> None:
    """Count and log a batch that comes again; a fault of our own leaves its trace."""
    _FAULTS.inc()
    if isinstance(error, HomeportError):
        _log.warning("facts wait", reason=str(error))
    else:
        _log.error("facts wait", exc_info=error)


def record_unreadable(error: Exception) -> None:
    """Count a message that is no fact we know."""
    _UNREADABLE.inc()
    _log.warning("message passed over", reason=str(error))


def record_trust_written() -> None:
    """Count and log that all of the trust view was written."""
    _TRUST.inc()
    _log.info("trust view written")


def record_trust_settled(changes: int) -> None:
    """Log changes that an earlier call or replica had to leave behind."""
    _log.info("trust view caught up", changes=changes)


def record_trust_told(delays: Iterable[float]) -> None:
    """Note how long changes took until the edges were told, in seconds."""
    for delay in delays:
        _TRUST_DELAYS.observe(max(delay, 0))


def record_unopened(shared_key: str, reason: str) -> None:
    """Log a shared key that no secret of the keyring opens: its device is refused."""
    _log.error("shared key left out", id=shared_key, reason=reason)


def record_trust_waits(reason: str) -> None:
    """Log that the trust view could not be compared; the next turn tries again."""
    _log.warning("trust view waits", reason=reason)


def record_task_waits(reason: str) -> None:
    """Log that an upload could not be worked off; the next turn goes on with it."""
    _log.warning("upload waits", reason=reason)


def record_history_dropped(partitions: Sequence[str]) -> None:
    """Count and log weeks of device events that were too old."""
    _DROPPED.inc(len(partitions))
    _log.info("device events dropped", partitions=partitions)


def record_history_waits(reason: str) -> None:
    """Log that old device events could not be dropped; the next turn tries again."""
    _log.warning("device events wait to be dropped", reason=reason)


def record_renewal_asked() -> None:
    """Count a renewal that a device was asked for."""
    _RENEWALS_ASKED.inc()


def record_renewed(ended: Sequence[Ended]) -> None:
    """Count and log renewals that are over."""
    for each in ended:
        _RENEWALS.labels(each.result.value).inc()
        _log.info(
            "renewal over",
            enrollment=each.enrollment,
            account=each.account,
            result=each.result.value,
            detail=each.detail,
        )


def record_renewal_lost(enrollment: str) -> None:
    """Count and log a renewal that was ended because nothing held it any more."""
    _RENEWALS_LOST.inc()
    _log.warning("renewal lost", enrollment=enrollment)


def record_not_poked(reason: str) -> None:
    """Count a renewal that waits although its device may be awake."""
    _NOT_POKED.inc()
    _log.debug("edge not poked", reason=reason)


def record_sweep_waits(reason: str) -> None:
    """Log that renewals cannot be looked at now."""
    _log.warning("renewals not looked at", reason=reason)


def record_refused(call: Mapping[str, str], kind: str, reason: str) -> None:
    """Count and log a REST call that was refused; of one too many there are many."""
    _REFUSED.labels(kind).inc()
    level = logging.DEBUG if kind == TOO_MANY else logging.INFO
    _log.log(level, "call refused", **call, type=kind, reason=reason)
