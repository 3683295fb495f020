"""Keeping devices out for a while, and why (B-165 .. B-169, R-33)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from homeport.errors import InvalidParameter
from services.directory import times
from services.directory.devices.device_bodies import Suspension

_KNOWN_SINCE = datetime(2026, 11, 25, tzinfo=UTC)

CATEGORIES: Mapping[str, Mapping[str, object]] = {
    reference: {
        "object": "device-block-category",
        "reference": reference,
        "description": description,
        "updated_at": times.build(_KNOWN_SINCE),
    }
    for reference, description in {
        "maintenance": "The device is being maintained.",
        "lost_or_stolen": "The device is lost or stolen.",
    }.items()
}
"""Why devices may be suspended, as callers are shown it."""

CATEGORY_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        name: {"type": "string"}
        for name in ("object", "reference", "description", "updated_at")
    },
}


def suspended(said: Suspension, *, now: datetime) -> Mapping[str, Any]:
    """Return what a suspension makes of a device, as columns (B-169).

    Raises InvalidParameter for a category that is not known.
    """
    if said.category not in CATEGORIES:
        raise InvalidParameter("category", f"is none of {', '.join(CATEGORIES)}")
    return _columns(said, now) | {"operator_suspended": True}


def resumed(row: Row[Any], said: Suspension, *, now: datetime) -> Mapping[str, Any]:
    """Return what the end of a suspension makes of a device, as columns (B-168).

    Raises InvalidParameter for another category than that of the suspension, and for
    a device that is not suspended.
    """
    if not row.operator_suspended:
        raise InvalidParameter("device", "is not suspended")
    if said.category != row.last_operator_suspended_category:
        raise InvalidParameter("category", "is not that of the suspension")
    return _columns(said, now) | {"operator_suspended": False}


def _columns(said: Suspension, now: datetime) -> dict[str, Any]:
    return {
        "last_operator_suspended_category": said.category,
        "last_operator_suspended_description": said.description,
        "last_operator_suspended_updated_at": now,
    }
