"""The REST routes by which single resources were used before device requests (R-96)."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends
from pydantic import BaseModel, Field
from starlette.datastructures import QueryParams

from homeport.names import DeviceId
from homeport.protocol.device_requests import Method
from homeport.protocol.formats import codecs
from homeport.protocol.formats.payloads import LARGEST
from homeport.store.trust import Grant
from homeport.store.values import LastValue
from services.notifier import bodies
from services.notifier.answers import (
    Refused,
    device,
    needs_writing,
    read_any,
    words,
)
from services.notifier.device_requests import request_bodies, results
from services.notifier.device_requests.requests import (
    Asked,
    NotAsked,
    Reason,
    Terms,
    new_id,
)
from services.notifier.ports import Ports

_PATH = "/v2/endpoints/{device_id}/{path:path}"
_REFUSALS: Mapping[Reason, tuple[int, str]] = {
    Reason.UNKNOWN: (404, "DEVICE_NOT_FOUND"),
    Reason.NOT_CONNECTED: (410, "DEVICE_NOT_CONNECTED"),
    Reason.NO_RESOURCE: (404, "RESOURCE_NOT_FOUND"),
    Reason.FULL: (429, "QUEUE_IS_FULL"),
}
_ANY = "*/*"
_TCP = "T"
_CACHE_ONLY, _NO_RESPONSE = "cacheOnly", "noResp"


class AsyncResponseId(BaseModel):
    """Where to look for what comes of a call."""

    async_response_id: str = Field(serialization_alias="async-response-id")


_NO_RESPONSE_PARAMETER = bodies.parameter(
    _NO_RESPONSE, "true: nobody wants to know what comes of it."
)
_READ = {
    "parameters": [
        bodies.parameter(_CACHE_ONLY, "true: only what is known already."),
        _NO_RESPONSE_PARAMETER,
    ]
}
_CHANGE: Mapping[str, Any] = {"parameters": [_NO_RESPONSE_PARAMETER]}
_VALUE = {
    "description": "A value in any format that the device takes, 1 MiB at most.",
    "content": {
        "text/plain": {"schema": {"type": "string"}},
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    },
}
_CHANGES: Mapping[Method, str] = {
    Method.PUT: "Write a resource",
    Method.POST: "Execute a resource, or create an instance",
    Method.DELETE: "Delete an instance",
}
"""Each is described by itself, for their ids must differ (OpenAPI 3.1 §4.8.10)."""


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()
    _add_read(router, ports, caller)
    _add_changes(router, ports, caller)
    return router


def _add_read(router: APIRouter, ports: Ports, caller: Depends) -> None:
    @router.get(
        _PATH,
        status_code=202,
        response_model=AsyncResponseId,
        responses={
            200: {"description": "A value that holds still"},
            205: {"description": "No such value"},
            **words(400, 401, 403, 404, 410, 429),
        },
        openapi_extra=_READ,
    )
    async def get_resource(
        device_id: str, path: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response | AsyncResponseId:
        """Read a resource: what is known, or by an async response."""
        identity = device(device_id)
        asked = _asked(Method.GET, path, request)
        value = await _known(ports, grant, identity, asked)
        if value is not None:
            return _shown(value, ports.requests.freshness(value))
        if _is_true(request.query_params, _CACHE_ONLY):
            return Response(status_code=205)
        needs_writing(grant)
        return await _ask(ports, grant, identity, asked, request)


def _add_changes(router: APIRouter, ports: Ports, caller: Depends) -> None:
    async def change_resource(
        device_id: str, path: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response | AsyncResponseId:
        """Write, execute, create or delete; the result is an async response."""
        needs_writing(grant)
        body = await read_any(request, most=LARGEST)
        if body is None:
            raise Refused(413, "PAYLOAD_TOO_LARGE")
        asked = _asked(Method(request.method), path, request, body)
        return await _ask(ports, grant, device(device_id), asked, request)

    for method, deed in _CHANGES.items():
        takes = method is not Method.DELETE
        extra = {**_CHANGE, "requestBody": _VALUE} if takes else {**_CHANGE}
        router.add_api_route(
            _PATH,
            change_resource,
            methods=[method],
            summary=deed,
            status_code=202,
            response_model=AsyncResponseId,
            responses={
                204: {"description": "Accepted, and nobody is told what comes of it"},
                **words(400, 401, 403, 404, 409, 410, 413, 429),
            },
            openapi_extra=extra,
        )


async def _known(
    ports: Ports, grant: Grant, identity: DeviceId, asked: Asked
) -> LastValue | None:
    """Return the value of a device's path that holds still; raise Refused."""
    try:
        await ports.requests.session(grant.account, identity)
    except NotAsked as error:
        raise Refused(*_REFUSALS[error.reason]) from error
    value = await ports.requests.fresh(identity, asked.path)
    if value is None or asked.accept not in (None, value.content_format):
        return None
    return value


async def _ask(
    ports: Ports, grant: Grant, identity: DeviceId, asked: Asked, request: Request
) -> Response | AsyncResponseId:
    silent = _is_true(request.query_params, _NO_RESPONSE)
    terms = Terms("" if silent else grant.key_id, "" if silent else new_id())
    try:
        if silent:
            session = await ports.requests.session(grant.account, identity)
            if session.queue_mode or _TCP in session.binding:
                raise Refused(409, "NO_RESPONSE_NOT_POSSIBLE")
        await ports.requests.ask(grant.account, identity, asked, terms)
    except NotAsked as error:
        raise Refused(*_REFUSALS[error.reason]) from error
    if silent:
        return Response(status_code=204)
    return AsyncResponseId(async_response_id=terms.async_id)


def _asked(method: Method, path: str, request: Request, body: bytes = b"") -> Asked:
    path, _ = request_bodies.parse_uri(path)
    accept = request.headers.get("accept", _ANY).partition(",")[0]
    given = request.headers.get("content-type", "")
    reads = method is Method.GET
    return Asked(
        method,
        path,
        accept=codecs.content_format(accept) if reads and _ANY not in accept else None,
        content_format=codecs.content_format(given) if body and given else None,
        payload=body,
    )


def _shown(value: LastValue, max_age: int) -> Response:
    headers = {"cache-control": f"max-age={max_age}"}
    kind = value.content_format
    media_type = None if kind is None else results.media_type(kind)
    return Response(value.payload, 200, headers, media_type)


def _is_true(query: QueryParams, name: str) -> bool:
    return query.get(name, "").lower() == "true"
