"""The JSON bodies of the directory's REST calls, built and described."""

from collections.abc import Mapping
from typing import Any

from fastapi import Response
from pydantic import BaseModel

from services.directory import examples, fields
from services.directory.catalog import MOST_COUNTED, Listing
from services.directory.fields import Field
from services.directory.queries import DEFAULT_LIMIT, LARGEST_LIMIT, Query


def _error(named: str) -> Mapping[str, Any]:
    """Describe a refusal; what is wrong is ``named`` by this member."""
    members = {named: {"type": "string"}, "message": {"type": "string"}}
    fields_ = {"type": "array", "items": {"type": "object", "properties": members}}
    return {
        "type": "object",
        "properties": {
            "object": {"const": "error"},
            "code": {"type": "integer"},
            "type": {"type": "string"},
            "message": {"type": "string"},
            "request_id": {"type": "string"},
            "fields": fields_,
        },
    }


_REASONS: Mapping[int | str, str] = {
    400: "Something in the call is wrong; `fields` names it.",
    401: "The API key is missing or not known.",
    403: "The API key may not do this, or the account may have no more.",
    404: "There is no such object, or no page after this one.",
    409: "There is another object like this.",
    429: "The API key is used too often; `Retry-After` says when it may be again.",
    503: "A server that is needed does not answer; come again after `Retry-After`.",
    "default": "The call is refused.",
}
_WORDS = {"text/plain": {"schema": {"type": "string"}, "example": "NOT_FOUND"}}
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


def describe(
    members: Mapping[str, Field],
    *,
    status: int = 200,
    request: type[BaseModel] | None = None,
) -> dict[str, Any]:
    """Describe a route that answers one object."""
    return described(_schema(members), status=status, request=request)


def described(
    schema: Mapping[str, Any],
    *,
    status: int = 200,
    request: type[BaseModel] | None = None,
) -> dict[str, Any]:
    """Describe a route by the schema of its answer, and by the body that it reads."""
    described: dict[str, Any] = {
        "status_code": status,
        "responses": _responses(schema, status),
    }
    if request is not None:
        described["openapi_extra"] = {"requestBody": _request(request)}
    return described


def describe_nothing(*, request: type[BaseModel] | None = None) -> dict[str, Any]:
    """Describe a route that answers with an empty body, and the body that it reads."""
    described: dict[str, Any] = {
        "status_code": 204,
        "response_class": Response,
        "responses": _refusals(),
    }
    if request is not None:
        described["openapi_extra"] = {"requestBody": _request(request)}
    return described


def describe_list(
    members: Mapping[str, Field], **others: Mapping[str, Any]
) -> dict[str, Any]:
    """Describe a route that answers a page of a list; ``others`` are members of it."""
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
            **others,
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
            name: dict(field.kind.schema)
            for name, field in members.items()
            if field.shown
        },
    }


def in_words(described: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a route whose refusals are bare words (R-12)."""
    return _refusing(described, _WORDS)


def naming_fields(described: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a route whose refusals name a ``field`` (R-10)."""
    return _refusing(described, _content(_error("field")))


def _refusing(
    described: Mapping[str, Any], content: Mapping[str, Any]
) -> dict[str, Any]:
    responses = {
        status: {**answer, "content": content} if status in _REASONS else answer
        for status, answer in described["responses"].items()
    }
    return {**described, "responses": responses}


def _responses(schema: Mapping[str, Any], status: int = 200) -> dict[int | str, Any]:
    return {status: {"content": _content(schema)}, **_refusals()}


def _refusals() -> dict[int | str, Any]:
    return {
        status: {"description": reason, "content": _content(_error("name"))}
        for status, reason in _REASONS.items()
    }


def _content(schema: Mapping[str, Any]) -> dict[str, Any]:
    example = examples.build(schema)
    return {"application/json": {"schema": schema, "example": example}}


def _request(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    inlined = _inlined(schema, definitions)
    example = examples.build({"required": [], **inlined})
    content = {"application/json": {"schema": inlined, "example": example}}
    return {"required": True, "content": content}


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Put definitions in the place of their references."""
    match schema:
        case {"$ref": str(reference)}:
            return _inlined(definitions[reference.rpartition("/")[2]], definitions)
        case dict():
            return {
                name: _inlined(value, definitions) for name, value in schema.items()
            }
        case list():
            return [_inlined(each, definitions) for each in schema]
        case _:
            return schema


def _parameters(members: Mapping[str, Field]) -> list[dict[str, Any]]:
    limit = f"2 to {LARGEST_LIMIT}, {DEFAULT_LIMIT} if not given; others are clamped."
    count = f"What else to answer; more than {MOST_COUNTED:,} are an estimate."
    return [
        _parameter("limit", {"type": "integer"}, limit),
        _parameter(
            "order", {"enum": ["ASC", "DESC"]}, "By the time of creation; ASC first."
        ),
        _parameter(
            "after", {"type": "string"}, "The id of the last object of the page before."
        ),
        _parameter("include", {"enum": ["total_count"]}, count),
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
