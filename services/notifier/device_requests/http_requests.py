"""The REST route of device requests (R-82 .. R-91)."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends

from homeport.store.trust import Grant
from services.notifier import bodies
from services.notifier.answers import Refused, device, needs_writing, read, words
from services.notifier.device_requests import request_bodies
from services.notifier.device_requests.request_bodies import (
    LARGEST_BODY,
    DeviceRequestBody,
)
from services.notifier.device_requests.requests import NotAsked, Reason
from services.notifier.ports import Ports

_REFUSALS: Mapping[Reason, tuple[int, str]] = {
    Reason.UNKNOWN: (404, "DEVICE_NOT_FOUND"),
    Reason.NOT_CONNECTED: (400, "DEVICE_NOT_CONNECTED"),
    Reason.NO_RESOURCE: (400, "RESOURCE_NOT_FOUND"),
    Reason.FULL: (400, "QUEUE_IS_FULL"),
}

_REQUEST = bodies.request(
    DeviceRequestBody,
    {"method": "PUT", "uri": "/1/0/1", "content-type": "text/plain"}
    | {"payload-b64": "MzAw"},
    required=True,
)
_PARAMETERS = [
    bodies.parameter("async-id", "Names the async response.", required=True),
    bodies.parameter("retry", "How many further attempts there may be: 0 to 10."),
    bodies.parameter("expiry-seconds", "How long it may wait: 60 to 2592000."),
]


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()

    @router.post(
        "/v2/device-requests/{device_id}",
        status_code=202,
        response_class=Response,
        responses=words(400, 401, 403, 404, 415),
        openapi_extra={"requestBody": _REQUEST, "parameters": _PARAMETERS},
    )
    async def send_device_request(
        device_id: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Ask a device for something.

        What comes of it is an async response of that id on the key's channel.
        """
        needs_writing(grant)
        terms = request_bodies.parse_terms(grant.key_id, request.query_params)
        asked = request_bodies.parse(await read(request, most=LARGEST_BODY))
        try:
            await ports.requests.ask(grant.account, device(device_id), asked, terms)
        except NotAsked as error:
            raise Refused(*_REFUSALS[error.reason]) from error
        return Response(status_code=202)

    return router
