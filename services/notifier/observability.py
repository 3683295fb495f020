"""What the notifier service tells about itself."""

from urllib.parse import urlsplit

import structlog
from prometheus_client import Counter, Gauge, Histogram

from services.notifier.channels import Callback, Channel, Kind
from services.notifier.messages import Message

_log = structlog.get_logger()

_ITEMS = Counter(
    "homeport_notifier_items_total", "Items that applications have accepted.", ["kind"]
)
_DELIVERIES = Histogram(
    "homeport_notifier_delivery_seconds",
    "How long applications take to accept a message.",
    buckets=(0.005, 0.02, 0.1, 0.5, 2, 5, 20),
)
_FAULTS = Counter(
    "homeport_notifier_delivery_faults_total", "Attempts that have to be repeated."
)
_UNREADABLE = Counter(
    "homeport_notifier_unreadable_total", "Messages that are no fact we know."
)
_SERVED = Gauge(
    "homeport_notifier_channels", "Channels that this replica serves.", ["kind"]
)
_FAILING = Gauge(
    "homeport_notifier_channels_failing", "Of these, channels that do not accept."
)
_CLOSED = Counter(
    "homeport_notifier_sockets_closed_total", "WebSockets that have ended.", ["code"]
)
_REMOVED = Counter(
    "homeport_notifier_channels_removed_total",
    "Channels removed after they have failed for too long.",
)
_INTERRUPTED = Counter(
    "homeport_notifier_interruptions_total",
    "Deliveries that had to wait for NATS or PostgreSQL.",
)
_REFUSED = Counter(
    "homeport_notifier_refused_total", "REST calls that were refused.", ["word"]
)


def record_delivered(message: Message, seconds: float) -> None:
    """Count what an application has accepted."""
    _ITEMS.labels(message.kind.value).inc(len(message.items))
    _DELIVERIES.observe(seconds)


def record_given(message: Message) -> None:
    """Count what a long poll was given."""
    _ITEMS.labels(message.kind.value).inc(len(message.items))


def record_fault() -> None:
    """Count an attempt that failed."""
    _FAULTS.inc()


def record_failing(channel: Channel, reason: str) -> None:
    """Log that a channel has begun to fail."""
    _log.warning("channel fails", **_identity(channel), reason=reason)


def record_recovered(channel: Channel) -> None:
    """Log that a channel accepts again."""
    _log.info("channel recovered", **_identity(channel))


def record_removed(channel: Channel, reason: str) -> None:
    """Count and log a channel that failed for too long."""
    _REMOVED.inc()
    _log.error("channel removed", **_identity(channel), reason=reason)


def record_unreadable(error: Exception) -> None:
    """Count a message that is no fact we know."""
    _UNREADABLE.inc()
    _log.warning("message passed over", reason=str(error))


def record_served(kind: Kind, channels: int, failing: int) -> None:
    """Show how many channels of a kind this replica serves."""
    _SERVED.labels(kind).set(channels)
    if kind is Kind.CALLBACK:
        _FAILING.set(failing)


def record_socket_closed(channel_id: str, code: int) -> None:
    """Count a WebSocket that has ended, and log with which code (R-114)."""
    _CLOSED.labels(str(code)).inc()
    _log.info("socket closed", channel=channel_id, code=code)


def record_interrupted(channel: Channel, reason: str) -> None:
    """Count a delivery that a server of ours holds up; it goes on by itself."""
    _INTERRUPTED.inc()
    _log.debug("delivery waits", **_identity(channel), reason=reason)


def record_broken(channel: Channel, error: BaseException) -> None:
    """Log a fault of our own; the channel is taken up again."""
    _INTERRUPTED.inc()
    _log.error("delivery broke", **_identity(channel), exc_info=error)


def record_roster_away(reason: str) -> None:
    """Log that PostgreSQL is away, and with it the right to serve channels."""
    _log.warning("channels wait", reason=reason)


def record_roster_back() -> None:
    """Log that channels are served again."""
    _log.info("channels go on")


def record_refused(word: str, reason: str) -> None:
    """Count and log a REST call that was refused."""
    _REFUSED.labels(word).inc()
    _log.info("call refused", word=word, reason=reason)


def _identity(channel: Channel) -> dict[str, str]:
    """Name a channel; its URL may hold secrets, its host does not."""
    identity = {
        "channel": channel.key_id,
        "account": channel.account,
        "kind": channel.kind.value,
    }
    if isinstance(channel.way, Callback):
        identity["host"] = urlsplit(channel.way.url).hostname or ""
    return identity
