"""Object definitions as callers see them."""

from collections.abc import Mapping
from typing import Any

from services.directory import fields
from services.directory.bootstrap.bootstrap_schema import object_definitions
from services.directory.fields import EQUALITY, ID, NUMBER, OBJECT, TEXT, TIME

_RANGE = EQUALITY | {"gte", "lte"}
_OPERATIONS = ("", "R", "W", "RW", "E")
"""By the bits that they are kept as: read, write, execute."""
_EXECUTE = 4


def _resources(definition: Mapping[str, Any]) -> object:
    return [
        {
            "id": number,
            "name": name,
            "operations": _OPERATIONS[min(operations, _EXECUTE)],
            "type": kind or "",
            "multiple": multiple,
        }
        for number, name, operations, kind, multiple in definition["resources"]
    ]


_RESOURCES = fields.Kind(
    OBJECT.type,
    OBJECT.parse,
    {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "id": {"type": "integer"},
                "name": {"type": "string"},
                "operations": {"enum": list(_OPERATIONS)},
                "type": {"type": "string"},
                "multiple": {"type": "boolean"},
            },
        },
    },
    _resources,
)

OBJECT_DEFINITION: Mapping[str, fields.Field] = {
    "object": fields.Field(TEXT, unset="object-definition"),
    "id": fields.text(object_definitions.c.id, kind=ID),
    "object_id": fields.Field(
        NUMBER, object_definitions.c.object_id, 0, _RANGE, _RANGE
    ),
    "version": fields.text(object_definitions.c.version),
    "name": fields.text(object_definitions.c.name),
    "multiple": fields.flag(object_definitions.c.multiple),
    "resources": fields.Field(_RESOURCES, object_definitions.c.definition),
    "created_at": fields.time(object_definitions.c.created_at),
    "updated_at": fields.time(object_definitions.c.updated_at),
    "etag": fields.Field(TIME, object_definitions.c.updated_at),
}
