"""What the REST routes of all services share: their border, and who may pass it."""

import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from homeport.errors import HomeportError, Unavailable
from homeport.runtime import calls
from homeport.runtime.quotas import Quotas, retry_after
from homeport.store.trust import Grant, TrustView

REQUEST_ID = "X-Request-ID"
LONGEST_PATH = 200
"""As much of a path stands in a log line."""

_ANSWERS = frozenset(
    {"http.response.start", "websocket.accept", "websocket.http.response.start"}
)
"""The messages of ASGI that begin an answer."""


class Border:
    """What all calls share: empty path segments do not count, answers have an id.

    A path is the same with and without its trailing slash, and nothing is redirected.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call (R-3, R-4, R-13)."""
        segments = [segment for segment in scope["path"].split("/") if segment]
        request_id = uuid.uuid4().hex
        begun = time.monotonic()

        async def answer(message: Message) -> None:
            if message["type"] in _ANSWERS:
                calls.record(
                    segments, message.get("status", 101), time.monotonic() - begun
                )
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        inside = {
            **scope,
            "path": "/" + "/".join(segments),
            "state": {**scope.get("state", {}), "request_id": request_id},
        }
        await self._app(inside, receive, answer)


def named(scope: Scope) -> Mapping[str, str]:
    """Name a call in a log line: what it was, and the id that its caller knows."""
    method = scope.get("method", "WEBSOCKET")
    return {
        "call": f"{method} {scope['path'][:LONGEST_PATH]}",
        "request_id": scope["state"]["request_id"],
    }


def caller(
    trust: TrustView,
    *,
    quotas: Quotas,
    refused: Callable[[str], HomeportError],
    clock: Callable[[], float] = time.monotonic,
) -> Callable[..., Awaitable[Grant]]:
    """Make the dependency that says who calls, by the key that is presented (R-1).

    ``refused`` makes the error for a key that is not known; "" stands for none at all.
    One that calls more often than its quota allows is told to come back.

    The dependency raises Unavailable when the trust view is away, and for an unknown
    key while it is not written: after a loss nobody is told that their key is wrong.
    """
    bearer = HTTPBearer(auto_error=False, description="An API key.")

    async def granted(
        presented: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    ) -> Grant:
        key = presented.credentials if presented else ""
        grant = await trust.grant(key) if key else None
        if grant is None:
            if key and not await trust.is_written():
                raise Unavailable("the trust view", "is not written yet")
            raise refused(key)
        if wait := quotas.take(grant.key_id, clock()):
            raise HTTPException(
                HTTPStatus.TOO_MANY_REQUESTS,
                "the API key is used too often",
                {"Retry-After": retry_after(wait)},
            )
        return grant

    return granted


def add_routes(made: FastAPI, router: APIRouter) -> None:
    """Have an application serve routes itself.

    A router that is included searches its routes once more for each call.
    """
    made.router.routes.extend(router.routes)


def problem(
    status: int,
    kind: str,
    message: str,
    *,
    request_id: str,
    fields: Sequence[tuple[str, str]] = (),
    named: str = "name",
) -> JSONResponse:
    """Build the answer to a refused ``/v3`` call (R-9).

    ``fields`` are the names of wrong parameters and what is wrong with each; they are
    ``named`` by this member, for it is another one in some APIs (R-10).
    """
    body: dict[str, Any] = {
        "object": "error",
        "code": status,
        "type": kind,
        "message": message,
        "request_id": request_id,
    }
    if fields:
        body["fields"] = [{named: name, "message": reason} for name, reason in fields]
    return JSONResponse(body, status)
