"""Times as the REST contract writes them (R-24, R-26)."""

import re
from datetime import UTC, datetime

from homeport.errors import InvalidFormat

_FORMAT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|\+00:00)|\d{8}T\d{6}Z", re.ASCII
)


def parse(text: str) -> datetime:
    """Read RFC 3339 in UTC, with or without fraction, or '20161130T162512Z'.

    Raises InvalidFormat.
    """
    if not _FORMAT.fullmatch(text):
        raise InvalidFormat("time", f"{text[:40]!r} is no RFC 3339 time in UTC")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidFormat("time", str(error)) from error


def build(time: datetime) -> str:
    """Write RFC 3339 in UTC with six decimals; clients need them all."""
    text = time.astimezone(UTC).isoformat(timespec="microseconds")
    return text.removesuffix("+00:00") + "Z"
