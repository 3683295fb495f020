"""The JSON bodies of the directory's REST calls, built and described."""

from collections.abc import Mapping
from typing import Any

from services.directory import fields
from services.directory.catalog import Listing
from services.directory.fields import Field
from services.directory.queries import DEFAULT_LIMIT, LARGEST_LIMIT, Query

_ERROR: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "object": {"const": "error"},
        "code": {"type": "integer"},
        "type": {"type": "string"},
        "message": {"type": "string"},
        "request_id": {"type": "string"},
        "fields": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
_FILTER = (
    "The older form of the filters: the same pairs as one text, encoded once more. A "
    "field without operator means eq."
)


def build_list(
    listing: Listing, query: Query, members: Mapping[str, Field]
) -> dict[str, object]:
    """Build a page of a list (R-14)."""
    body: dict[str, object] = {
        "object": "list",
        "data": [fields.build(members, row) for row in listing.rows],
        "limit": query.limit,
        "order": "DESC" if query.descending else "ASC",
        "after": query.after or None,
        "has_more": listing.has_more,
    }
    if listing.total_count is not None:
        body["total_count"] = listing.total_count
    return body


def describe(members: Mapping[str, Field]) -> dict[str, Any]:
    """Describe a route that answers one object."""
    return {"responses": _responses(_schema(members))}


def describe_list(members: Mapping[str, Field]) -> dict[str, Any]:
    """Describe a route that answers a page of a list."""
    schema = {
        "type": "object",
        "properties": {
            "object": {"const": "list"},
            "data": {"type": "array", "items": _schema(members)},
            "limit": {"type": "integer"},
            "order": {"enum": ["ASC", "DESC"]},
            "after": {"type": ["string", "null"]},
            "has_more": {"type": "boolean"},
            "total_count": {"type": "integer"},
        },
    }
    return {
        "responses": _responses(schema),
        "openapi_extra": {"parameters": _parameters(members)},
    }


def _schema(members: Mapping[str, Field]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            name: dict(field.kind.schema) for name, field in members.items()
        },
    }


def _responses(schema: Mapping[str, Any]) -> dict[int | str, Any]:
    return {
        200: {"content": {"application/json": {"schema": schema}}},
        "default": {
            "description": "The call is refused.",
            "content": {"application/json": {"schema": _ERROR}},
        },
    }


def _parameters(members: Mapping[str, Field]) -> list[dict[str, Any]]:
    limit = f"2 to {LARGEST_LIMIT}, {DEFAULT_LIMIT} if not given; others are clamped."
    return [
        _parameter("limit", {"type": "integer"}, limit),
        _parameter(
            "order", {"enum": ["ASC", "DESC"]}, "By the time of creation; ASC first."
        ),
        _parameter(
            "after", {"type": "string"}, "The id of the last object of the page before."
        ),
        _parameter("include", {"enum": ["total_count"]}, "What else to answer."),
        _parameter("filter", {"type": "string"}, _FILTER),
        {
            **_parameter(
                "filters",
                {"type": "object", "properties": _filters(members)},
                "Which objects: `field__operator=value`; values of in and nin are "
                "separated by commas.",
            ),
            "style": "form",
            "explode": True,
        },
    ]


def _parameter(
    name: str, schema: Mapping[str, Any], description: str
) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _filters(members: Mapping[str, Field]) -> dict[str, Any]:
    return {
        f"{name}__{operator}": {"type": "string"}
        for name, field in members.items()
        for operator in sorted(field.operators)
    }
