"""Defects of ours that a message has brought to light.

Whatever one peer says, it may cost that peer its message and nobody else anything; what
went wrong is in the log with all that is needed to mend it.
"""

import structlog
from prometheus_client import Counter

_log = structlog.get_logger()

_DEFECTS = Counter(
    "homeport_defects_total",
    "Messages that have met a defect of ours and were lost; each is in the log.",
    ["where"],
)


def record(error: Exception, *, where: str) -> None:
    """Count a defect and log where it is; the message that met it is lost."""
    _DEFECTS.labels(where).inc()
    _log.error("defect", where=where, exc_info=error)
