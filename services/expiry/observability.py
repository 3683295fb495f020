"""What the expiry service tells about itself."""

import structlog
from prometheus_client import Counter, Gauge

from homeport.events.lag import StreamState
from homeport.store.backlog import Backlog

_log = structlog.get_logger()

_EXPIRED = Counter(
    "homeport_expiry_expired_total", "Registrations whose lifetime has passed."
)
_POSTPONED = Counter(
    "homeport_expiry_postponed_total", "Registrations spared because of an outage."
)
_LAPSED = Counter(
    "homeport_expiry_lapsed_total", "Device requests that have waited for too long."
)
_OUTAGE = Gauge("homeport_expiry_outage", "1 while no device can reach the platform.")
_HEALED = Counter(
    "homeport_expiry_healed_events_total", "Events published for absent edges."
)
_UNREADABLE = Counter(
    "homeport_expiry_unreadable_total", "Messages that are no fact we know."
)
_AWAY = Counter(
    "homeport_expiry_skipped_turns_total", "Turns that found a server away."
)

# What the whole system holds: every replica tells the same, so the largest counts.
_REGISTRATIONS = Gauge("homeport_registrations", "Registrations that live.")
_OUTBOX = Gauge(
    "homeport_outbox_events",
    "Events that the bus has not acknowledged, in all buckets.",
)
_OUTBOX_AGE = Gauge(
    "homeport_outbox_oldest_age_seconds",
    "How long the event has waited that has waited longest for the bus.",
)
_REPLACED = Gauge(
    "homeport_outbox_replaced_events",
    "Refreshes that gave way to newer ones while the bus was away, since ever.",
)
_STREAM_SIZE = Gauge("homeport_stream_size_bytes", "What the event stream holds.")
_STREAM_LIMIT = Gauge(
    "homeport_stream_limit_bytes", "Above this the stream's oldest events go."
)
_WAITING = Gauge(
    "homeport_stream_waiting_events",
    "Events that the consumers of a reader have not acknowledged, all together.",
    ["reader"],
)
_MOST_WAITING = Gauge(
    "homeport_stream_most_waiting_events",
    "How many of them the consumer has that is furthest behind.",
    ["reader"],
)
_WAITING_AGE = Gauge(
    "homeport_stream_oldest_age_seconds",
    "How old the oldest event is that a reader has not acknowledged.",
    ["reader"],
)


def record_swept(ended: int, postponed: int) -> None:
    """Count what a sweep did; log it where it did anything."""
    _EXPIRED.inc(ended)
    _POSTPONED.inc(postponed)
    if ended or postponed:
        _log.info("swept", expired=ended, postponed=postponed)


def record_lapsed(ended: int) -> None:
    """Count device requests whose time has passed; log it where there were any."""
    _LAPSED.inc(ended)
    if ended:
        _log.info("device requests expired", requests=ended)


def record_outage(*, outage: bool) -> None:
    """Show whether devices can reach the platform."""
    _OUTAGE.set(outage)


def record_healed(events: int) -> None:
    """Count events that were published for edges that are gone."""
    if events:
        _HEALED.inc(events)
        _log.info("healed outboxes", events=events)


def record_backlog(found: Backlog, *, age: float) -> None:
    """Show what the registration store holds, and how old its oldest event is."""
    _REGISTRATIONS.set(found.registrations)
    _OUTBOX.set(found.events)
    _OUTBOX_AGE.set(max(0.0, age))
    _REPLACED.set(found.replaced)


def record_stream(state: StreamState, *, now: float) -> None:
    """Show how full the stream is, and how far behind its readers are."""
    _STREAM_SIZE.set(state.size_bytes)
    _STREAM_LIMIT.set(state.limit_bytes)
    for reader, lag in state.lags.items():
        age = 0.0 if lag.oldest is None else now - lag.oldest
        _WAITING.labels(reader.value).set(lag.events)
        _MOST_WAITING.labels(reader.value).set(lag.most)
        _WAITING_AGE.labels(reader.value).set(max(0.0, age))


def record_unseen(reason: str) -> None:
    """Log that a server is away; what was seen last goes on being shown."""
    _log.debug("not looked at", reason=reason)


def record_away(reason: str) -> None:
    """Count and log that a server is away; the next turn tries again."""
    _AWAY.inc()
    _log.warning("turn skipped", reason=reason)


def record_unreadable(error: Exception) -> None:
    """Count a message that is no fact we know."""
    _UNREADABLE.inc()
    _log.warning("message passed over", reason=str(error))
