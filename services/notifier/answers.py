"""What the notifier's REST routes have in common: bodies, and refusals in a word."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from homeport import names
from homeport.errors import (
    HomeportError,
    InvalidName,
    InvalidParameter,
    Unavailable,
)
from homeport.names import DeviceId
from homeport.runtime import rest
from homeport.store.trust import Grant
from services.notifier import observability
from services.notifier.channels.channels import Channel

LARGEST_BODY = 65_536

AWAY = "SERVICE_UNAVAILABLE"

WORDS: Mapping[str, str] = {
    "body": "MALFORMED_JSON_CONTENT",
    "url": "INVALID_URL",
    "headers": "INVALID_HEADERS",
    "url and headers": "URL_AND_HEADERS_TOO_LONG",
    "signing_secret": "INVALID_SIGNING_SECRET",
    "serialization": "INVALID_SERIALIZATION",
    "callback": "CALLBACK_NOT_ACCEPTED",
    "channel": "CHANNEL_OF_ANOTHER_KIND",
    "async-id": "MALFORMED_ASYNC_ID",
    "retry": "INVALID_RETRY",
    "expiry-seconds": "INVALID_EXPIRY_SECONDS",
    "path": "MALFORMED_PATH",
    "accept": "NOT_ACCEPTABLE_FORMAT",
    "content-type": "UNKNOWN_CONTENT_TYPE",
    "consumer": "INVALID_CONSUMER_NAME",
    "consumers": "TOO_MANY_CONSUMERS",
    "facts": "UNKNOWN_FACT",
    "devices": "INVALID_DEVICES",
    "groups": "INVALID_GROUPS",
    "paths": "INVALID_PATHS",
    "start": "INVALID_START",
    "sequence": "INVALID_SEQUENCE",
    "form": "INVALID_FORM",
    "confirm": "INVALID_CONFIRM",
    "last-event-id": "INVALID_LAST_EVENT_ID",
    "limit": "INVALID_LIMIT",
    "name": "INVALID_NAME",
    "taken-name": "NAME_IS_TAKEN",
    "access": "INVALID_ACCESS",
    "nats-users": "TOO_MANY_NATS_USERS",
}
"""The word for each parameter that may be wrong; all are 400."""


class Refused(HomeportError):
    """A call is answered with a status and a bare word (R-12)."""

    def __init__(self, status: int, word: str) -> None:
        self.status = status
        self.word = word
        super().__init__(word)


def unknown_key(key: str) -> Refused:
    """Refuse a key that opens nothing, '' for none at all (R-2)."""
    if key and not key.startswith("ak_"):
        return Refused(403, "FORBIDDEN")
    return Refused(401, "UNAUTHORIZED")


def needs_writing(grant: Grant) -> None:
    """Refuse keys that may only look."""
    if grant.role == "reader":
        raise Refused(403, "FORBIDDEN")


def device(text: str) -> DeviceId:
    """Read a device's id from a path; what is none belongs to nobody."""
    try:
        return names.parse_device_id(text)
    except InvalidName as error:
        raise Refused(404, "DEVICE_NOT_FOUND") from error


def found(channel: Channel | None) -> Channel:
    """Refuse where there is no channel."""
    if channel is None:
        raise Refused(404, "CHANNEL_NOT_FOUND")
    return channel


def words(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe answers that are bare words for the OpenAPI page."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
        for status in statuses
    }


async def read(request: Request, *, most: int = LARGEST_BODY) -> bytes:
    """Read a body that is JSON, if it is anything, and not too long."""
    media_type = request.headers.get("content-type", "application/json")
    if media_type.partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "UNSUPPORTED_MEDIA_TYPE")
    body = await read_any(request, most=most)
    if body is None:
        raise InvalidParameter("body", f"is longer than {most} bytes")
    return body


async def read_any(request: Request, *, most: int) -> bytes | None:
    """Read a body of any kind; None where it is longer than ``most`` bytes."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            return None
    return bytes(body)


def add_refusals(made: FastAPI) -> None:
    """Have every error answered by a word."""

    def text(request: Request, status: int, word: str, reason: str) -> Response:
        observability.record_refused(rest.named(request.scope), word, reason)
        return PlainTextResponse(word, status)

    async def refused(request: Request, error: Any) -> Response:
        return text(request, error.status, error.word, error.word)

    async def invalid(request: Request, error: Any) -> Response:
        return text(request, 400, WORDS[error.name], str(error))

    async def unavailable(request: Request, error: Any) -> Response:
        return text(request, 503, AWAY, str(error))

    async def unrouted(_: Request, error: Any) -> Response:
        word = HTTPStatus(error.status_code).name
        return PlainTextResponse(word, error.status_code, error.headers)

    async def gone(_: Request, __: Any) -> Response:
        return Response(status_code=400)

    made.add_exception_handler(Refused, refused)
    made.add_exception_handler(InvalidParameter, invalid)
    made.add_exception_handler(Unavailable, unavailable)
    made.add_exception_handler(HTTPException, unrouted)
    made.add_exception_handler(ClientDisconnect, gone)
