"""What comes of a device request, in the words of HTTP (R-85 .. R-93)."""

from collections.abc import Mapping
from typing import Any

from homeport.events.facts import RequestOutcome
from homeport.protocol.formats.codecs import MEDIA_TYPES

_UNDELIVERED: Mapping[str, tuple[int, str]] = {
    RequestOutcome.EXPIRED: (429, "REQUEST_EXPIRED"),
    RequestOutcome.REMOVED: (429, "DEVICE_REMOVED_REGISTRATION"),
    RequestOutcome.BLOCKED: (429, "DEVICE_BLOCKED"),
    RequestOutcome.DISCONNECTED: (502, ""),
    RequestOutcome.UNREACHABLE: (503, "NOT_CONNECTED"),
    RequestOutcome.TIMEOUT: (504, "TIMEOUT"),
}
_CODES: Mapping[str, str] = {
    "5.00": "INTERNAL_SERVER_ERROR",
    "5.01": "NOT_IMPLEMENTED",
    "5.02": "BAD_GATEWAY",
    "5.03": "SERVICE_UNAVAILABLE",
    "5.04": "GATEWAY_TIMEOUT",
    "5.05": "PROXYING_NOT_SUPPORTED",
}
"""What a device's own errors are called (RFC 7252 §5.9.3)."""

_OK, _BAD_REQUEST, _NOT_OBSERVABLE, _FAILED = 200, 400, 412, 500


def media_type(content_format: int) -> str:
    """Name a content format; one that is not known stays a number."""
    return MEDIA_TYPES.get(content_format, str(content_format))


def item(fact: Any) -> dict[str, object]:
    """Make an async response of what a fact says; it has a payload always (R-93)."""
    status, error = _status(fact)
    made: dict[str, object] = {
        "id": fact["async_id"],
        "status": status,
        "payload": fact.get("payload", ""),
    }
    if error:
        made["error"] = error
    if (content_format := fact.get("content_format")) is not None:
        made["ct"] = media_type(content_format)
    if status == _OK:
        made["max-age"] = fact.get("max_age", 60)
    return made


def _status(fact: Any) -> tuple[int, str]:
    outcome, code = fact["outcome"], fact.get("code", "")
    if outcome in _UNDELIVERED:
        return _UNDELIVERED[outcome]
    kind, _, detail = code.partition(".")
    match kind:
        case "2" if fact.get("observe") and not fact.get("observed"):
            return _NOT_OBSERVABLE, ""
        case "2":
            return _OK, ""
        case "4":
            return _BAD_REQUEST + int(detail), ""
        case "5":
            return _FAILED, _CODES.get(code, code)
        case _:
            return _BAD_REQUEST, ""
