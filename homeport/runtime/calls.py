"""What REST callers are answered, and how long they wait for it."""

from collections.abc import Sequence

from prometheus_client import Counter, Histogram

_APIS = frozenset({"v2", "v3"})

_CALLS = Counter(
    "homeport_http_requests_total", "REST calls by API and status.", ["api", "code"]
)
_DURATIONS = Histogram(
    "homeport_http_request_seconds",
    "How long callers wait for an answer to begin; of v2, long polls are meant to.",
    ["api"],
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
)


def record(segments: Sequence[str], code: int, seconds: float) -> None:
    """Count a call by the first segment of its path."""
    api = segments[0] if segments and segments[0] in _APIS else "other"
    _CALLS.labels(api, str(code)).inc()
    _DURATIONS.labels(api).observe(seconds)
