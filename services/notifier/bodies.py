"""The JSON bodies of the notifier's REST calls."""

from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from homeport.errors import InvalidParameter
from services.notifier.channels import LARGEST_CHUNK, Callback, Serialization


class SerializationFlags(BaseModel):
    """What messages hold besides the rest."""

    deregistrations_as_object: bool = False
    include_uid: bool = False
    include_timestamp: bool = False
    include_original_ep: bool = False


class SerializationBody(BaseModel):
    """The form of messages (R-122); booleans and numbers may come as strings (R-5)."""

    type: Literal["v2"] = "v2"
    max_chunk_size: int = Field(default=LARGEST_CHUNK, ge=100, le=LARGEST_CHUNK)
    cfg: SerializationFlags = SerializationFlags()


class CallbackBody(BaseModel):
    """A webhook; what is not known is ignored (R-7, R-125)."""

    url: str = Field(description="http or https; called with PUT.")
    headers: dict[str, str] | None = Field(
        default=None,
        description="Sent with every call; with the URL at most 400 characters.",
    )
    serialization: SerializationBody | None = None


def parse_callback(body: bytes) -> Callback:
    """Parse the body of a PUT; raise InvalidParameter naming what is wrong."""
    try:
        given = CallbackBody.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "body"
        raise InvalidParameter(name, f"is wrong: {first['msg']}") from error
    form = given.serialization or SerializationBody()
    return Callback(
        given.url,
        given.headers or {},
        Serialization(**form.cfg.model_dump(), max_chunk_size=form.max_chunk_size),
    )


def build_callback(callback: Callback) -> dict[str, Any]:
    """Build what a GET answers."""
    form = callback.serialization
    return {
        "url": callback.url,
        "headers": dict(callback.headers),
        "serialization": SerializationBody(
            max_chunk_size=form.max_chunk_size,
            cfg=SerializationFlags(
                deregistrations_as_object=form.deregistrations_as_object,
                include_uid=form.include_uid,
                include_timestamp=form.include_timestamp,
                include_original_ep=form.include_original_ep,
            ),
        ).model_dump(),
    }


def _inlined(schema: Any, definitions: Any) -> Any:
    """Put definitions in the place of their references, for the OpenAPI page."""
    if isinstance(schema, list):
        return [_inlined(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {
        name: _inlined(value, definitions)
        for name, value in schema.items()
        if name != "$defs"
    }


_SCHEMA = CallbackBody.model_json_schema()

CALLBACK_REQUEST: Any = {
    "required": True,
    "content": {
        "application/json": {
            "schema": _inlined(_SCHEMA, _SCHEMA.get("$defs", {})),
            "example": {
                "url": "https://example.com/notifications",
                "headers": {"authorization": "Bearer secret"},
            },
        }
    },
}
"""What the OpenAPI page says of the body; the route reads it after the key."""
