"""The REST routes of the notifier: an API key's notification channel."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from homeport.errors import HomeportError, InvalidParameter, Unavailable
from homeport.names import AccountId
from homeport.runtime import bus, rest
from homeport.runtime.database import connections
from homeport.store import connection
from homeport.store.trust import Grant, TrustView
from services.notifier import bodies, consumers, handlers, observability
from services.notifier.channels import Callback, Channel
from services.notifier.config import NotifierSettings
from services.notifier.handlers import Channels
from services.notifier.schema import MIGRATIONS, SCHEMA
from services.notifier.store import ChannelStore
from services.notifier.webhooks import webhooks

PREFIXES = ("/v2/notification",)
LARGEST_BODY = 65_536


@dataclass(frozen=True, slots=True)
class Ports:
    """What the routes need."""

    trust: TrustView
    stored: Channels
    put: Callable[[Callback, bytes], Awaitable[None]]
    collect: Callable[[str, AccountId], Awaitable[None]]


class Refused(HomeportError):
    """A call is answered with a status and a bare word (R-12)."""

    def __init__(self, status: int, word: str) -> None:
        self.status = status
        self.word = word
        super().__init__(word)


WORDS: Mapping[str, str] = {
    "body": "MALFORMED_JSON_CONTENT",
    "url": "INVALID_URL",
    "headers": "INVALID_HEADERS",
    "url and headers": "URL_AND_HEADERS_TOO_LONG",
    "serialization": "INVALID_SERIALIZATION",
    "callback": "CALLBACK_NOT_ACCEPTED",
}
"""The word for each parameter that may be wrong; all are 400."""


@asynccontextmanager
async def application(settings: NotifierSettings) -> AsyncIterator[FastAPI]:
    """Open what the routes need and make them; raise Unavailable."""
    async with AsyncExitStack() as stack:
        redis = await connection.connect(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        nats = await stack.enter_async_context(bus.connection(settings.nats_url))
        engine = await stack.enter_async_context(
            connections(
                settings.postgres_url.get_secret_value(),
                schema=SCHEMA,
                migrations=MIGRATIONS,
            )
        )
        callers = await stack.enter_async_context(
            webhooks(settings.webhook_timeout_seconds)
        )
        yield routes(
            Ports(
                trust=TrustView(redis),
                stored=ChannelStore(engine),
                put=callers.put,
                collect=partial(consumers.ensure, nats),
            )
        )


def routes(ports: Ports) -> FastAPI:
    """Make the application from what its routes need."""
    made = FastAPI(
        title="Homeport notifications",
        version="2",
        openapi_url=f"{PREFIXES[0]}/openapi.json",
        docs_url=f"{PREFIXES[0]}/docs",
        redoc_url=None,
        redirect_slashes=False,
    )
    made.add_middleware(rest.Border)
    _add_refusals(made)
    caller = Depends(rest.caller(ports.trust, refused=_refused))

    @made.put(
        "/v2/notification/callback",
        status_code=204,
        response_class=Response,
        openapi_extra={"requestBody": bodies.CALLBACK_REQUEST},
    )
    async def put_callback(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Have notifications delivered to a webhook; it is tried at once."""
        _needs_writing(grant)
        await handlers.set_callback(
            bodies.parse_callback(await _body(request)),
            grant,
            stored=ports.stored,
            put=ports.put,
            collect=ports.collect,
        )
        return Response(status_code=204)

    @made.get("/v2/notification/callback")
    async def get_callback(grant: Annotated[Grant, caller]) -> JSONResponse:
        """Return the webhook of this key."""
        channel = _found(await handlers.get_channel(grant, stored=ports.stored))
        return JSONResponse(bodies.build_callback(channel.callback))

    @made.delete("/v2/notification/callback", status_code=204, response_class=Response)
    async def delete_callback(grant: Annotated[Grant, caller]) -> Response:
        """Have nothing delivered any more."""
        _needs_writing(grant)
        if not await handlers.remove_channel(grant, stored=ports.stored):
            raise Refused(404, "CHANNEL_NOT_FOUND")
        return Response(status_code=204)

    @made.get("/v2/notification/channel")
    async def get_channel(grant: Annotated[Grant, caller]) -> JSONResponse:
        """Say how this key's notifications are delivered."""
        _found(await handlers.get_channel(grant, stored=ports.stored))
        return JSONResponse({"delivery_mechanism": "CALLBACK"})

    return made


def _refused(key: str) -> Refused:
    if key and not key.startswith("ak_"):
        return Refused(403, "FORBIDDEN")
    return Refused(401, "UNAUTHORIZED")


def _needs_writing(grant: Grant) -> None:
    if grant.role == "reader":
        raise Refused(403, "FORBIDDEN")


def _found(channel: Channel | None) -> Channel:
    if channel is None:
        raise Refused(404, "CHANNEL_NOT_FOUND")
    return channel


async def _body(request: Request) -> bytes:
    media_type = request.headers.get("content-type", "application/json")
    if media_type.partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "UNSUPPORTED_MEDIA_TYPE")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise InvalidParameter("body", f"is longer than {LARGEST_BODY} bytes")
    return body


def _add_refusals(made: FastAPI) -> None:
    def text(status: int, word: str, reason: str) -> Response:
        observability.record_refused(word, reason)
        return PlainTextResponse(word, status)

    async def refused(_: Request, error: Any) -> Response:
        return text(error.status, error.word, error.word)

    async def invalid(_: Request, error: Any) -> Response:
        return text(400, WORDS[error.name], str(error))

    async def unavailable(_: Request, error: Any) -> Response:
        return text(503, "SERVICE_UNAVAILABLE", str(error))

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
