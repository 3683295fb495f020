"""Lists of enrollment identities as callers upload them, and the reports of them.

The form is that of R-54 and R-55: the first line and all columns but the first do not
count, lines end in any way, quotes are optional.
"""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass

_LINE_END = re.compile(r"\r\n|\r|\n")
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_AROUND = "".join(map(chr, range(33))) + "\x7f"
"""Spaces and control characters, which do not count outside of quotes."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a line; ``error`` is its type, or nothing."""

    entity_id: str
    time: str
    error: str


_ERRORS = {
    "validation_error": (400, "is no enrollment identity"),
    "duplicate": (409, "is claimed already"),
    "not_found": (404, "is not claimed by this account"),
}


def parse(content: bytes) -> list[str]:
    """Return the identities of a list, right or wrong; nothing is refused here."""
    lines = _LINE_END.split(content.decode("utf-8", "replace"))[1:]
    return [_first(line) for line in lines if line.strip(f",{_AROUND}")]


def build_report(results: Iterable[Result], *, deletes: bool) -> str:
    """Build the report of a task, or of the errors among its results."""
    report = io.StringIO()
    rows = csv.writer(report, lineterminator="\n")
    times = "entity__deleted_at" if deletes else "entity__created_at"
    rows.writerow(
        [
            *("entity__id", times),
            *("error__code", "error__type", "error__message", "error__fields"),
        ]
    )
    for result in results:
        error = ["", "", "", ""]
        if result.error:
            code, message = _ERRORS[result.error]
            error = [str(code), result.error, message, "enrollment_identity"]
        rows.writerow([result.entity_id, result.time, *error])
    return report.getvalue()


def _first(line: str) -> str:
    """Return the first column of a line."""
    stripped = line.strip(_AROUND)
    quoted = _QUOTED.match(stripped)
    if quoted:
        return quoted[1].replace('""', '"')
    return stripped.partition(",")[0].strip(_AROUND)
