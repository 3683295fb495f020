"""What the expiry service tells about itself."""

import structlog
from prometheus_client import Counter, Gauge

_log = structlog.get_logger()

_EXPIRED = Counter(
    "homeport_expiry_expired_total", "Registrations whose lifetime has passed."
)
_POSTPONED = Counter(
    "homeport_expiry_postponed_total", "Registrations spared because of an outage."
)
_OUTAGE = Gauge("homeport_expiry_outage", "1 while no device can reach the platform.")
_HEALED = Counter(
    "homeport_expiry_healed_events_total", "Events published for absent edges."
)
_UNREADABLE = Counter(
    "homeport_expiry_unreadable_total", "Messages that are no fact we know."
)


def record_swept(ended: int, postponed: int) -> None:
    """Count what a sweep did; log it where it did anything."""
    _EXPIRED.inc(ended)
    _POSTPONED.inc(postponed)
    if ended or postponed:
        _log.info("swept", expired=ended, postponed=postponed)


def record_outage(*, outage: bool) -> None:
    """Show whether devices can reach the platform."""
    _OUTAGE.set(outage)


def record_healed(events: int) -> None:
    """Count events that were published for edges that are gone."""
    if events:
        _HEALED.inc(events)
        _log.info("healed outboxes", events=events)


def record_away(reason: str) -> None:
    """Log that a server is away; the next turn tries again."""
    _log.warning("turn skipped", reason=reason)


def record_unreadable(error: Exception) -> None:
    """Count a message that is no fact we know."""
    _UNREADABLE.inc()
    _log.warning("message passed over", reason=str(error))
