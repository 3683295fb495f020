"""The JSON bodies of the notifier's REST calls."""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from homeport.errors import InvalidParameter
from services.notifier.channels.channels import (
    LARGEST_CHUNK,
    Callback,
    Kind,
    Serialization,
)


class SerializationFlags(BaseModel):
    """What messages hold besides the rest."""

    deregistrations_as_object: bool = False
    include_uid: bool = False
    include_timestamp: bool = False
    include_original_ep: bool = False
    include_values: bool = Field(
        default=False,
        description=(
            "Values and async responses have a member `values`, too: what the payload "
            "says as JSON, by paths; null where it cannot be read."
        ),
    )


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
    signing_secret: str | None = Field(
        default=None,
        description=(
            "whsec_ and the base64 of 24 to 64 bytes: calls are signed with it as "
            "Standard Webhooks 1.0 says. It is never shown again."
        ),
    )
    serialization: SerializationBody | None = None


class WebSocketBody(BaseModel):
    """A WebSocket channel; all of it may be left out (R-6)."""

    serialization: SerializationBody | None = None


class CallbackInfo(BaseModel):
    """A webhook, as it is set."""

    url: str
    headers: dict[str, str]
    serialization: SerializationBody


class WebSocketInfo(BaseModel):
    """How it goes with a WebSocket channel; both spellings of the size (R-109)."""

    status: Literal["connected", "disconnected", "unknown"]
    queue_size: int = Field(description="Events that wait; -1 when it is not known.")
    queueSize: int  # noqa: N815 # the older edition's
    serialization: SerializationBody


class ChannelInfo(BaseModel):
    """How notifications are delivered."""

    delivery_mechanism: Kind


Body = TypeVar("Body", bound=BaseModel)


def parse_callback(body: bytes) -> tuple[Callback, Serialization]:
    """Parse the body of a PUT; raise InvalidParameter naming what is wrong."""
    given = parse(CallbackBody, body)
    callback = Callback(given.url, given.headers or {}, given.signing_secret or "")
    return callback, _form(given.serialization)


def parse_websocket(body: bytes) -> Serialization:
    """Parse the body of a PUT, which may be empty; raise InvalidParameter."""
    return _form(parse(WebSocketBody, body or b"{}").serialization)


def callback_info(callback: Callback, serialization: Serialization) -> CallbackInfo:
    """Build what a GET answers; the secret is not in it."""
    return CallbackInfo(
        url=callback.url,
        headers=dict(callback.headers),
        serialization=_shown(serialization),
    )


def websocket_info(
    serialization: Serialization, *, connected: bool | None, waiting: int | None
) -> WebSocketInfo:
    """Build what a GET answers; None stands for what is not known just now."""
    size = -1 if waiting is None else waiting
    return WebSocketInfo(
        status=_STATUSES[connected],
        queue_size=size,
        queueSize=size,
        serialization=_shown(serialization),
    )


_STATUSES: Mapping[bool | None, Literal["connected", "disconnected", "unknown"]] = {
    True: "connected",
    False: "disconnected",
    None: "unknown",
}


def parse(model: type[Body], body: bytes) -> Body:
    """Parse a body; raise InvalidParameter naming what is wrong."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "body"
        raise InvalidParameter(name, f"is wrong: {first['msg']}") from error


def _form(given: SerializationBody | None) -> Serialization:
    form = given or SerializationBody()
    return Serialization(**form.cfg.model_dump(), max_chunk_size=form.max_chunk_size)


def _shown(serialization: Serialization) -> SerializationBody:
    return SerializationBody(
        max_chunk_size=serialization.max_chunk_size,
        cfg=SerializationFlags(
            deregistrations_as_object=serialization.deregistrations_as_object,
            include_uid=serialization.include_uid,
            include_timestamp=serialization.include_timestamp,
            include_original_ep=serialization.include_original_ep,
            include_values=serialization.include_values,
        ),
    )


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


def parameter(name: str, description: str, *, required: bool = False) -> Any:
    """Describe a query parameter for the OpenAPI page; the route reads it as text."""
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": {"type": "string"},
    }


def request(model: type[BaseModel], example: Any, *, required: bool) -> Any:
    """Describe a body for the OpenAPI page; the route reads it after the key."""
    schema = model.model_json_schema()
    content = {
        "schema": _inlined(schema, schema.get("$defs", {})),
        "example": example,
    }
    return {"required": required, "content": {"application/json": content}}


CALLBACK_REQUEST = request(
    CallbackBody,
    {
        "url": "https://example.com/notifications",
        "headers": {"authorization": "Bearer secret"},
    },
    required=True,
)
WEBSOCKET_REQUEST = request(
    WebSocketBody,
    {"serialization": {"type": "v2", "cfg": {"include_uid": True}}},
    required=False,
)
