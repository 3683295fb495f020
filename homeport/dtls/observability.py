"""What the secured ports tell about themselves."""

import structlog
from prometheus_client import Counter, Gauge

_log = structlog.get_logger()

_HANDSHAKES = Counter(
    "homeport_dtls_handshakes_total",
    "Handshakes by how they ended: full, resumed or failed.",
    ["result"],
)
_FULL, _RESUMED, _FAILED = map(_HANDSHAKES.labels, ("full", "resumed", "failed"))
_DROPPED = Counter(
    "homeport_dtls_dropped_total",
    "Datagrams of handshakes and records that were left unanswered, by reason.",
    ["reason"],
)
_HALF_OPEN = Gauge("homeport_dtls_half_open", "Handshakes under way.")
_ASSOCIATIONS = Gauge("homeport_dtls_associations", "Associations in memory.")
_TAKEN = Counter(
    "homeport_dtls_taken_over_total", "Associations taken over from the store."
)
_MOVED = Counter("homeport_dtls_moved_total", "Peers that came from a new address.")
_ENDED = Counter(
    "homeport_dtls_ended_total", "Associations that have ended, by reason.", ["reason"]
)


def record_established(identity: str, peer: str, *, suite: str, resumed: bool) -> None:
    """Count and log a handshake that has led to an association.

    The logger is bound at once: where nobody wants the line, looking ``info`` up in a
    lazy one costs five times as much as the line.
    """
    (_RESUMED if resumed else _FULL).inc()
    _log.bind().info(
        "handshake", identity=identity, peer=peer, suite=suite, resumed=resumed
    )


def record_failed(reason: str, peer: str) -> None:
    """Count and log a handshake that came to nothing."""
    _FAILED.inc()
    _log.info("handshake failed", reason=reason, peer=peer)


def record_dropped(reason: str) -> None:
    """Count what is left unanswered."""
    _DROPPED.labels(reason).inc()


def record_half_open(count: int) -> None:
    """Show how many handshakes are under way."""
    _HALF_OPEN.set(count)


def record_associations(count: int) -> None:
    """Show how many associations are in memory."""
    _ASSOCIATIONS.set(count)


def record_taken() -> None:
    """Count an association that another edge had, or this one before."""
    _TAKEN.inc()


def record_moved() -> None:
    """Count a peer that has changed its address."""
    _MOVED.inc()


def record_ended(reason: str) -> None:
    """Count an association that is over."""
    _ENDED.labels(reason).inc()
