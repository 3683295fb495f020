"""The REST routes of the directory: devices and their events."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

import orjson
from fastapi import Depends, FastAPI, Request, Response
from sqlalchemy import Row
from starlette.exceptions import HTTPException

from homeport import names
from homeport.errors import HomeportError, InvalidName, InvalidParameter, Unavailable
from homeport.names import AccountId, DeviceId
from homeport.runtime import rest
from homeport.runtime.database import connections
from homeport.store import connection
from homeport.store.clock import StoreClock
from homeport.store.sessions import SessionStore
from homeport.store.trust import Grant, TrustView
from services.directory import bodies, fields, handlers, observability, queries
from services.directory.catalog import DEVICE_EVENTS, DEVICES, Catalog, Collection
from services.directory.config import DirectorySettings
from services.directory.schema import MIGRATIONS, SCHEMA

PREFIXES = ("/v3",)

_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Ports:
    """What the routes need."""

    trust: TrustView
    catalog: Catalog
    sessions: SessionStore


class Refused(HomeportError):
    """A call is answered with a status, a type and a sentence (R-9, R-11)."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        self.status = status
        self.kind = kind
        super().__init__(message)


@asynccontextmanager
async def application(settings: DirectorySettings) -> AsyncIterator[FastAPI]:
    """Open what the routes need and make them; raise Unavailable."""
    async with AsyncExitStack() as stack:
        redis = await connection.connect(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        engine = await stack.enter_async_context(
            connections(
                settings.postgres_url.get_secret_value(),
                schema=SCHEMA,
                migrations=MIGRATIONS,
            )
        )
        sessions = SessionStore(
            redis,
            StoreClock(asyncio.get_running_loop().time),
            edge=names.new_edge_id("directory"),
            buckets=settings.buckets,
        )
        yield routes(Ports(TrustView(redis), Catalog(engine), sessions))


def routes(ports: Ports) -> FastAPI:
    """Make the application from what its routes need."""
    made = FastAPI(
        title="Homeport directory",
        version="3",
        openapi_url=f"{PREFIXES[0]}/openapi.json",
        docs_url=f"{PREFIXES[0]}/docs",
        redoc_url=None,
        redirect_slashes=False,
    )
    made.add_middleware(rest.Border)
    _add_refusals(made)
    caller = Depends(rest.caller(ports.trust, refused=_unknown_key))

    @made.get("/v3/devices", **bodies.describe_list(DEVICES.fields))
    async def list_devices(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List the devices of this account."""
        return await _list(request, grant, ports.catalog, DEVICES)

    @made.get("/v3/devices/{device_id}", **bodies.describe(DEVICES.fields))
    async def get_device(device_id: str, grant: Annotated[Grant, caller]) -> Response:
        """Return a device; one that has just registered is waited for."""
        device = names.parse_device_id(device_id)
        found = await handlers.find(
            lambda: ports.catalog.get(DEVICES, grant.account, device),
            lives=lambda: _lives(ports.sessions, grant.account, device),
        )
        return _shown(DEVICES, found)

    @made.get("/v3/devicelog", include_in_schema=False)
    @made.get("/v3/device-events", **bodies.describe_list(DEVICE_EVENTS.fields))
    async def list_device_events(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List what happened to the devices of this account."""
        return await _list(request, grant, ports.catalog, DEVICE_EVENTS)

    @made.get("/v3/devicelog/{device_event_id}", include_in_schema=False)
    @made.get(
        "/v3/device-events/{device_event_id}", **bodies.describe(DEVICE_EVENTS.fields)
    )
    async def get_device_event(
        device_event_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Return one thing that happened to a device."""
        event = _parse_event_id(device_event_id)
        found = await ports.catalog.get(DEVICE_EVENTS, grant.account, event)
        return _shown(DEVICE_EVENTS, found)

    return made


async def _list(
    request: Request, grant: Grant, catalog: Catalog, collection: Collection
) -> Response:
    query = queries.parse(request.url.query, collection.fields)
    listing = await catalog.list(collection, grant.account, query)
    if listing is None:
        raise Refused(404, "not_found", "unable to find page")
    return _json(bodies.build_list(listing, query, collection.fields))


def _shown(collection: Collection, row: Row[Any] | None) -> Response:
    if row is None:
        raise Refused(404, "not_found", "there is no such object")
    return _json(fields.build(collection.fields, row))


def _json(body: Mapping[str, object]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")


async def _lives(sessions: SessionStore, account: AccountId, device: DeviceId) -> bool:
    (session,) = await sessions.read([device])
    return session is not None and session.account == account


def _parse_event_id(text: str) -> str:
    lowered = text.lower()
    if not _ID.fullmatch(lowered):
        raise InvalidName("device event id", "is not 32 hex characters")
    return lowered


def _unknown_key(_: str) -> Refused:
    return Refused(401, "invalid_auth", "the API key is missing or not known")


def _add_refusals(made: FastAPI) -> None:
    def refuse(
        request: Request,
        status: int,
        kind: str,
        reason: str,
        *,
        told: str | None = None,
        wrong: Sequence[tuple[str, str]] = (),
    ) -> Response:
        observability.record_refused(kind, reason)
        request_id = request.state.request_id
        message = reason if told is None else told
        return rest.problem(status, kind, message, request_id=request_id, fields=wrong)

    async def refused(request: Request, error: Any) -> Response:
        return refuse(request, error.status, error.kind, str(error))

    async def parameter(request: Request, error: Any) -> Response:
        wrong = [(error.name, error.reason)]
        return refuse(request, 400, "validation_error", str(error), wrong=wrong)

    async def name(request: Request, error: Any) -> Response:
        wrong = [(error.kind, error.reason)]
        return refuse(request, 400, "validation_error", str(error), wrong=wrong)

    async def unavailable(request: Request, error: Any) -> Response:
        told = f"{error.server} does not answer"
        return refuse(request, 503, "service_unavailable", str(error), told=told)

    async def unrouted(request: Request, error: Any) -> Response:
        kind = HTTPStatus(error.status_code).name.lower()
        answer = refuse(request, error.status_code, kind, error.detail)
        answer.headers.update(error.headers or {})
        return answer

    made.add_exception_handler(Refused, refused)
    made.add_exception_handler(InvalidParameter, parameter)
    made.add_exception_handler(InvalidName, name)
    made.add_exception_handler(Unavailable, unavailable)
    made.add_exception_handler(HTTPException, unrouted)
