"""The REST routes of the notifier: an API key's notification channel."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from homeport.errors import HomeportError, InvalidParameter, Unavailable
from homeport.names import AccountId
from homeport.runtime import bus
from homeport.store import connection
from homeport.store.trust import Grant, TrustView
from services.notifier import bodies, consumers, handlers, observability
from services.notifier.channels import Callback, Channel
from services.notifier.config import NotifierSettings
from services.notifier.database import connections
from services.notifier.handlers import Channels
from services.notifier.store import ChannelStore
from services.notifier.webhooks import webhooks

PREFIXES = ("/v2/notification",)
REQUEST_ID = "X-Request-ID"
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
            connections(settings.postgres_url.get_secret_value())
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
    made.add_middleware(Border)
    _add_refusals(made)
    caller = Depends(_caller(ports.trust))

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


class Border:
    """What all calls share: empty path segments do not count, answers have an id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call (R-4, R-13)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        segments = [segment for segment in scope["path"].split("/") if segment]
        request_id = uuid.uuid4().hex

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        await self._app({**scope, "path": "/" + "/".join(segments)}, receive, answer)


def _caller(trust: TrustView) -> Callable[..., Awaitable[Grant]]:
    bearer = HTTPBearer(auto_error=False, description="An API key.")

    async def granted(
        presented: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    ) -> Grant:
        if presented is None:
            raise Refused(401, "UNAUTHORIZED")
        grant = await trust.grant(presented.credentials)
        if grant is not None:
            return grant
        if presented.credentials.startswith("ak_"):
            raise Refused(401, "UNAUTHORIZED")
        raise Refused(403, "FORBIDDEN")

    return granted


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
