"""What the directory's routes have in common: how they read, answer and refuse."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, TypeVar

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ValidationError
from sqlalchemy import ColumnElement, Row
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from homeport.errors import HomeportError, InvalidName, InvalidParameter, Unavailable
from homeport.names import PLATFORM_ACCOUNT
from homeport.runtime import rest
from homeport.store.trust import Grant
from services.directory import (
    bodies,
    fields,
    observability,
    queries,
)
from services.directory.catalog import Catalog, Collection
from services.directory.errors import (
    Duplicate,
    LimitReached,
    NotConnected,
    QueueFull,
    Running,
)

LARGEST_BODY = 65_536
RETRY_SECONDS = 1
"""When to come again after a server was away."""

_STOPPED: Mapping[type[HomeportError], tuple[int, str]] = {
    Duplicate: (409, "duplicate"),
    LimitReached: (403, "account_limit_exceeded"),
    Running: (409, "duplicate"),
    NotConnected: (423, "locked"),
    QueueFull: (429, observability.TOO_MANY),
}
"""How callers are told of what is there already."""

_FIELDS = re.compile(
    "/v3/(certificate-(enrollments|issuer)|devices/[^/]*/certificates)"
)
"""Begins the paths whose refusals name a field by that word (R-10)."""

_ID = re.compile("[0-9a-f]{32}")

Model = TypeVar("Model", bound=BaseModel)


TEXT_PREFIX = "/v2"
"""Below it, refusals are bare words (R-12)."""


class Refused(HomeportError):
    """A call is answered with a status, a type and a sentence (R-9, R-11).

    Where refusals are bare words, a type in capital letters is the word.
    """

    def __init__(self, status: int, kind: str, message: str) -> None:
        self.status = status
        self.kind = kind
        super().__init__(message)


def json(body: Mapping[str, object], *, status: int = 200) -> Response:
    """Answer with an object."""
    return Response(orjson.dumps(body), status, media_type="application/json")


def shown(
    collection: Collection, row: Row[Any] | None, *, status: int = 200
) -> Response:
    """Answer with an object of a collection, if it is there."""
    if row is None:
        raise missing()
    return json(fields.build(collection.fields, row), status=status)


async def looked_up(
    grant: Grant,
    catalog: Catalog,
    collection: Collection,
    identity: str,
    *,
    status: int = 200,
) -> Response:
    """Answer with an object of a collection as it is now, if it is there."""
    row = await catalog.get(collection, grant.account, identity)
    return shown(collection, row, status=status)


async def listed(
    request: Request,
    grant: Grant,
    catalog: Catalog,
    collection: Collection,
    *,
    among: ColumnElement[bool] | None = None,
    counted: bool = False,
) -> Response:
    """Answer with the page of a collection that the query asks for.

    ``among`` is what else is true of its objects, which may always be ``counted``.
    """
    query = queries.parse(request.url.query, collection.fields)
    query = replace(query, total_count=query.total_count or counted)
    listing = await catalog.list(collection, grant.account, query, among=among)
    if listing is None:
        raise Refused(404, "not_found", "unable to find page")
    return json(bodies.build_list(listing, query, collection.fields))


def missing() -> Refused:
    """Refuse a call about what is not there."""
    return Refused(404, "not_found", "there is no such object")


def unknown_key(_: str) -> Refused:
    """Refuse a call with a key that is not known."""
    return Refused(401, "invalid_auth", "the API key is missing or not known")


def needs_administrator(grant: Grant) -> None:
    """Refuse a call that only an administrator may make (R-69)."""
    if grant.role != "administrator":
        raise Refused(403, "unauthorized", "only an administrator may do this")


def needs_platform(grant: Grant) -> None:
    """Refuse a call that only the operator of the platform may make."""
    needs_administrator(grant)
    if grant.account != PLATFORM_ACCOUNT:
        raise Refused(403, "unauthorized", "only the platform's operator may do this")


def needs_operator(grant: Grant) -> None:
    """Refuse a call that changes something to who may only read."""
    if grant.role == "reader":
        raise Refused(403, "unauthorized", "a reader may not change anything")


def empty() -> Response:
    """Answer that it is done."""
    return Response(status_code=204)


def parse_id(kind: str, text: str) -> str:
    """Validate an id of a path; raise InvalidName (R-8)."""
    lowered = text.lower()
    if not _ID.fullmatch(lowered):
        raise InvalidName(kind, "is not 32 hex characters")
    return lowered


async def read(request: Request, *, largest: int = LARGEST_BODY) -> bytes:
    """Read a body; raise InvalidParameter when it is too long."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > largest:
            raise InvalidParameter("body", f"is longer than {largest} bytes")
    return bytes(body)


async def parsed(request: Request, model: type[Model]) -> Model:
    """Read a JSON body; raise InvalidParameter naming the first member at fault.

    An empty one says nothing (R-6).
    """
    try:
        return model.model_validate_json(await read(request) or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"]) or "body"
        if first["type"] == "missing":
            raise InvalidParameter(name, "is needed") from error
        said = first["msg"].removeprefix("Value error, ")
        raise InvalidParameter(name, f"is wrong: {said}") from error


def _named(path: str) -> str:
    """Return the member that names what is wrong, below a path."""
    return "field" if _FIELDS.match(path) else "name"


def add_refusals(made: FastAPI) -> None:
    """Have errors answered in the form of the contract (R-9)."""

    def refuse(
        request: Request,
        status: int,
        kind: str,
        reason: str,
        *,
        told: str | None = None,
        wrong: Sequence[tuple[str, str]] = (),
    ) -> Response:
        observability.record_refused(rest.named(request.scope), kind, reason)
        if request.url.path.startswith(TEXT_PREFIX):
            word = kind if kind.isupper() else HTTPStatus(status).name
            return PlainTextResponse(word, status)
        request_id = request.state.request_id
        message = reason if told is None else told
        return rest.problem(
            status,
            kind,
            message,
            request_id=request_id,
            fields=wrong,
            named=_named(request.url.path),
        )

    async def refused(request: Request, error: Any) -> Response:
        return refuse(request, error.status, error.kind, str(error))

    async def parameter(request: Request, error: Any) -> Response:
        wrong = [(error.name, error.reason)]
        return refuse(request, 400, "validation_error", str(error), wrong=wrong)

    async def name(request: Request, error: Any) -> Response:
        wrong = [(error.kind, error.reason)]
        return refuse(request, 400, "validation_error", str(error), wrong=wrong)

    async def stopped(request: Request, error: Any) -> Response:
        status, kind = _STOPPED[type(error)]
        return refuse(request, status, kind, str(error))

    async def unavailable(request: Request, error: Any) -> Response:
        told = f"{error.server} does not answer"
        answer = refuse(request, 503, "service_unavailable", str(error), told=told)
        answer.headers["Retry-After"] = str(RETRY_SECONDS)
        return answer

    async def unrouted(request: Request, error: Any) -> Response:
        kind = HTTPStatus(error.status_code).name.lower()
        answer = refuse(request, error.status_code, kind, error.detail)
        answer.headers.update(error.headers or {})
        return answer

    async def gone(_: Request, __: Any) -> Response:
        return Response(status_code=400)

    made.add_exception_handler(Refused, refused)
    made.add_exception_handler(InvalidParameter, parameter)
    made.add_exception_handler(InvalidName, name)
    made.exception_handlers |= dict.fromkeys(_STOPPED, stopped)
    made.add_exception_handler(Unavailable, unavailable)
    made.add_exception_handler(HTTPException, unrouted)
    made.add_exception_handler(ClientDisconnect, gone)
