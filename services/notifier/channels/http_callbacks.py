"""The REST routes of callback channels (R-110)."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends

from homeport.store.trust import Grant
from services.notifier import bodies
from services.notifier.answers import found, needs_writing, read, words
from services.notifier.bodies import CallbackInfo
from services.notifier.channels import handlers
from services.notifier.channels.channels import Callback, Kind
from services.notifier.ports import Ports

_PATH = "/v2/notification/callback"


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()

    @router.put(
        _PATH,
        status_code=204,
        response_class=Response,
        responses=words(400, 401, 403, 415),
        openapi_extra={"requestBody": bodies.CALLBACK_REQUEST},
    )
    async def put_callback(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Have notifications delivered to a webhook; it is tried at once."""
        needs_writing(grant)
        callback, serialization = bodies.parse_callback(await read(request))
        await handlers.set_callback(
            callback,
            serialization,
            grant,
            stored=ports.stored,
            put=ports.put,
            collect=ports.collect,
        )
        return Response(status_code=204)

    @router.get(_PATH, responses=words(401, 403, 404))
    async def get_callback(grant: Annotated[Grant, caller]) -> CallbackInfo:
        """Return the webhook of this key."""
        channel = found(
            await handlers.get_channel(grant, Kind.CALLBACK, stored=ports.stored)
        )
        callback = channel.way if isinstance(channel.way, Callback) else Callback("")
        return bodies.callback_info(callback, channel.serialization)

    @router.delete(
        _PATH, status_code=204, response_class=Response, responses=words(401, 403, 404)
    )
    async def delete_callback(grant: Annotated[Grant, caller]) -> Response:
        """Have nothing delivered any more."""
        needs_writing(grant)
        if not await handlers.remove_channel(grant, Kind.CALLBACK, stored=ports.stored):
            found(None)
        return Response(status_code=204)

    return router
