"""What ``homeport doctor`` finds."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Whether something cannot work, or works worse than it should."""

    FAULT = "wrong"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    severity: Severity
    sentence: str


def fault(sentence: str) -> Finding:
    """Find something that cannot work."""
    return Finding(Severity.FAULT, sentence)


def warning(sentence: str) -> Finding:
    """Find something that works worse than it should."""
    return Finding(Severity.WARNING, sentence)
