"""What the notifier service tells about itself."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol
from urllib.parse import urlsplit

import structlog
from prometheus_client import Counter, Gauge, Histogram

from homeport.protocol.device_requests import DeviceRequest
from services.notifier.channels.channels import Callback, Channel, Kind
from services.notifier.channels.messages import Message
from services.notifier.device_requests.open_requests import OpenRequest

_log = structlog.get_logger()

_ITEMS = Counter(
    "homeport_notifier_items_total", "Items that applications have accepted.", ["kind"]
)
_DELIVERIES = Histogram(
    "homeport_notifier_delivery_seconds",
    "How long applications take to accept a message.",
    buckets=(0.005, 0.02, 0.1, 0.5, 2, 5, 20),
)
_DELAYS = Histogram(
    "homeport_notifier_delay_seconds",
    "How long the oldest event of a batch was in the stream when it was accepted.",
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600),
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
_RESTING = Gauge(
    "homeport_notifier_channels_resting", "Of these, channels to which nothing happens."
)
_CHANNELS_WAITING = Gauge(
    "homeport_notifier_channels_waiting_events",
    "What these channels have before them, as far as they have looked.",
)
_CHANNELS_WAITING_MOST = Gauge(
    "homeport_notifier_channels_waiting_most_events",
    "The same for the one of them that has most before it.",
)
_CHANNELS_AGE = Gauge(
    "homeport_notifier_channels_oldest_age_seconds",
    "How old the oldest event is that waits for a channel, if it is in the older half "
    "of the stream, when this replica looked last.",
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
_REQUESTS = Counter(
    "homeport_notifier_requests_total",
    "Device requests that were accepted from callers.",
    ["method"],
)
_LOST = Counter(
    "homeport_notifier_requests_lost_total",
    "Device requests that were ended because nothing held them any more.",
)
_NOT_POKED = Counter(
    "homeport_notifier_pokes_failed_total",
    "Device requests that wait for their device's next message: no edge was told.",
)
_REVOKED = Counter(
    "homeport_notifier_keys_revoked_total", "API keys whose channels were ended."
)
_STREAMS = Gauge(
    "homeport_notifier_event_streams",
    "Readers of named consumers that are served here.",
)
_BEHIND = Gauge(
    "homeport_notifier_event_streams_behind_events",
    "How many events the reader has before it that is most behind.",
)
_DROPPED = Counter(
    "homeport_notifier_events_dropped_total",
    "Events that left the stream before a channel or a consumer took them, at least.",
)
_WAITING = Gauge(
    "homeport_notifier_consumers_waiting_events",
    "What waited for all named consumers when this replica looked last.",
)
_WAITING_MOST = Gauge(
    "homeport_notifier_consumers_waiting_most_events",
    "What waited for the one of them that was most behind.",
)
_NATS_USERS = Counter(
    "homeport_notifier_nats_users_total",
    "Applications that came to NATS, and what it was told of them.",
    ["answer"],
)
_ENDED = Counter(
    "homeport_notifier_event_streams_ended_total",
    "Readers of named consumers that are served no longer.",
    ["reason"],
)
_CLOSE_CODES = range(1000, 1016)
"""Those of RFC 6455; a client may send any others."""


class Behind(Protocol):
    """Who is told of events, and how many are before it."""

    @property
    def waiting(self) -> int:
        """How many events."""


_readers: set[Behind] = set()
_served: set[Behind] = set()
_counts: list[Callable[[], int]] = []
_RESTING.set_function(lambda: sum(count() for count in _counts))
_BEHIND.set_function(lambda: max((each.waiting for each in _readers), default=0))
_CHANNELS_WAITING.set_function(lambda: sum(each.waiting for each in _served))
_CHANNELS_WAITING_MOST.set_function(
    lambda: max((each.waiting for each in _served), default=0)
)


def record_delivered(message: Message, seconds: float) -> None:
    """Count what an application has accepted."""
    _ITEMS.labels(message.kind.value).inc(len(message.items))
    _DELIVERIES.observe(seconds)


def record_settled(oldest: int) -> None:
    """Show how late a batch was whose oldest event the stream took then (ms)."""
    _DELAYS.observe(max(0.0, time.time() - oldest / 1000))


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
    _CLOSED.labels(str(code) if code in _CLOSE_CODES else "other").inc()
    _log.info("socket closed", channel=channel_id, code=code)


@contextmanager
def reading(reader: Behind) -> Iterator[None]:
    """Show a reader, and how far it is behind, while this is entered."""
    _readers.add(reader)
    _STREAMS.set(len(_readers))
    try:
        yield
    finally:
        _readers.discard(reader)
        _STREAMS.set(len(_readers))


@contextmanager
def resting(count: Callable[[], int]) -> Iterator[None]:
    """Show how many channels rest, whenever somebody looks, while this is entered."""
    _counts.append(count)
    try:
        yield
    finally:
        _counts.remove(count)


def show(inbox: Behind) -> None:
    """Show what a channel has before it, from now on."""
    _served.add(inbox)


def hide(inbox: Behind) -> None:
    """Show a channel no longer."""
    _served.discard(inbox)


def record_stream_ended(consumer_id: str, reason: str) -> None:
    """Count a reader that has ended, and log why."""
    _ENDED.labels(reason).inc()
    _log.info("event stream ended", consumer=consumer_id, reason=reason)


def record_stream_interrupted(reason: str) -> None:
    """Count a reader that a server of ours holds up; it comes again."""
    _INTERRUPTED.inc()
    _log.debug("event stream waits", reason=reason)


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


def record_refused(call: Mapping[str, str], word: str, reason: str) -> None:
    """Count and log a REST call that was refused."""
    _REFUSED.labels(word).inc()
    _log.info("call refused", **call, word=word, reason=reason)


def record_request_accepted(request: DeviceRequest) -> None:
    """Count a request that will have an end."""
    _REQUESTS.labels(request.method.value).inc()


def record_request_lost(request: OpenRequest) -> None:
    """Count and log a request that was ended because nothing held it any more."""
    _LOST.inc()
    _log.warning(
        "request lost",
        request=request.request_id,
        device=request.device_id,
        account=request.account_id,
    )


def record_not_poked(reason: str) -> None:
    """Count a request that waits although its device may be awake."""
    _NOT_POKED.inc()
    _log.debug("edge not poked", reason=reason)


def record_not_noted(error: Exception) -> None:
    """Log that facts could not be noted; they come again."""
    _INTERRUPTED.inc()
    _log.warning("facts not noted", reason=str(error) or type(error).__name__)


def record_sweep_waits(reason: str) -> None:
    """Log that requests cannot be looked at now."""
    _log.warning("requests not looked at", reason=reason)


def record_revoked(key_id: str) -> None:
    """Count and log a key that is gone, and its channel with it."""
    _REVOKED.inc()
    _log.info("key revoked", channel=key_id)


def record_revocation_waits(reason: str) -> None:
    """Log that keys cannot be looked at now."""
    _log.warning("keys not looked at", reason=reason)


def record_unopened(channel_id: str, error: Exception) -> None:
    """Log a channel that nobody serves: no secret opens what signs its calls."""
    _log.error("channel not opened", channel=channel_id, reason=str(error))


def record_dropped(owner: str, account: str, events: int) -> None:
    """Count and log events that left the stream before they were taken."""
    _DROPPED.inc(events)
    _log.warning("events dropped", owner=owner, account=account, events=events)


def record_unattended(waiting: int, most: int, age: float) -> None:
    """Show what waits for named consumers, for all together and for a single one.

    ``age`` is that of the oldest event that waits for a channel, in seconds.
    """
    _WAITING.set(waiting)
    _WAITING_MOST.set(most)
    _CHANNELS_AGE.set(age)


def record_unattended_wait(reason: str) -> None:
    """Log that channels cannot be looked at now for which nobody reads."""
    _log.warning("unattended channels not looked at", reason=reason)


def record_nats_user(*, admitted: bool) -> None:
    """Count whom NATS has asked for."""
    _NATS_USERS.labels("admitted" if admitted else "refused").inc()


def record_nats_unanswered(reason: str) -> None:
    """Count and log a question of NATS that could not be answered."""
    _NATS_USERS.labels("unanswered").inc()
    _log.warning("NATS not answered", reason=reason)


def record_nats_user_ended(user: str) -> None:
    """Log a connection that was ended because its user is gone."""
    _log.info("NATS user ended", user=user)


def record_nats_users_wait(reason: str) -> None:
    """Log that it cannot be seen now who is connected to NATS."""
    _log.warning("NATS users not looked at", reason=reason)


def record_feeds_wait(reason: str) -> None:
    """Log that it cannot be seen now whether channels have missed something."""
    _log.warning("channels not looked after", reason=reason)


def record_bookmarks_wait(reason: str) -> None:
    """Log that it cannot be written down now where channels have come to."""
    _log.warning("places not written down", reason=reason)


def record_clock_waits(reason: str) -> None:
    """Log that the store's clock cannot be read now."""
    _log.debug("clock not read", reason=reason)


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
