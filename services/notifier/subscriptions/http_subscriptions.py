"""The REST routes of subscriptions to single resources (R-98 .. R-102)."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Response
from fastapi.params import Depends
from fastapi.responses import PlainTextResponse

from homeport.store.trust import Grant
from services.notifier.answers import Refused, device, needs_writing, words
from services.notifier.device_requests import request_bodies
from services.notifier.device_requests.http_resources import AsyncResponseId
from services.notifier.device_requests.requests import NotAsked, Reason
from services.notifier.ports import Ports

_DEVICE = "/v2/subscriptions/{device_id}"
_RESOURCE = f"{_DEVICE}/{{path:path}}"
_REFUSALS: Mapping[Reason, tuple[int, str]] = {
    Reason.UNKNOWN: (404, "DEVICE_NOT_FOUND"),
    Reason.NOT_CONNECTED: (404, "DEVICE_NOT_CONNECTED"),
    Reason.NO_RESOURCE: (404, "RESOURCE_NOT_FOUND"),
    Reason.FULL: (429, "QUEUE_IS_FULL"),
}
_NONE = Refused(404, "SUBSCRIPTION_NOT_FOUND")


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()
    _add_resource(router, ports, caller)
    _add_device(router, ports, caller)
    return router


def _add_resource(router: APIRouter, ports: Ports, caller: Depends) -> None:
    @router.put(
        _RESOURCE,
        status_code=202,
        response_model=AsyncResponseId,
        responses={
            200: {"description": "Subscribed already"},
            **words(400, 401, 403, 404, 429),
        },
    )
    async def subscribe(
        device_id: str, path: str, grant: Annotated[Grant, caller]
    ) -> Response | AsyncResponseId:
        """Have the key's channel told of a resource; the device is asked to notify."""
        needs_writing(grant)
        wanted, _ = request_bodies.parse_uri(path)
        try:
            async_id = await ports.subscribing.begin(grant, device(device_id), wanted)
        except NotAsked as error:
            raise Refused(*_REFUSALS[error.reason]) from error
        if not async_id:
            return Response(status_code=200)
        return AsyncResponseId(async_response_id=async_id)

    @router.get(_RESOURCE, response_class=Response, responses=words(400, 401, 403, 404))
    async def get_subscription(
        device_id: str, path: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Say whether this key is subscribed to a resource."""
        wanted, _ = request_bodies.parse_uri(path)
        if wanted not in await ports.subscribing.paths(grant, device(device_id)):
            raise _NONE
        return Response(status_code=200)

    @router.delete(
        _RESOURCE,
        status_code=204,
        response_class=Response,
        responses=words(400, 401, 403, 404),
    )
    async def unsubscribe(
        device_id: str, path: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Tell this key's channel no more of a resource; harmless when repeated."""
        needs_writing(grant)
        wanted, _ = request_bodies.parse_uri(path)
        await ports.subscribing.end(grant, device(device_id), wanted)
        return Response(status_code=204)


def _add_device(router: APIRouter, ports: Ports, caller: Depends) -> None:
    @router.get(
        _DEVICE,
        response_class=Response,
        responses={
            200: {
                "description": "The paths, one a line",
                "content": {"text/uri-list": {"schema": {"type": "string"}}},
            },
            **words(401, 403, 404),
        },
    )
    async def list_subscriptions(
        device_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """List the paths of a device that this key is subscribed to."""
        found = await ports.subscribing.paths(grant, device(device_id))
        if not found:
            raise _NONE
        return PlainTextResponse(
            "".join(f"{path}\n" for path in found), media_type="text/uri-list"
        )

    @router.delete(
        _DEVICE,
        status_code=204,
        response_class=Response,
        responses=words(401, 403, 404),
    )
    async def unsubscribe_all(
        device_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Tell this key's channel no more of any resource of a device."""
        needs_writing(grant)
        await ports.subscribing.end(grant, device(device_id))
        return Response(status_code=204)
