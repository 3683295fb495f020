"""The REST routes of WebSocket channels (R-109)."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends

from homeport.errors import Unavailable
from homeport.store.trust import Grant
from services.notifier import bodies
from services.notifier.answers import found, needs_writing, read, words
from services.notifier.bodies import WebSocketInfo
from services.notifier.channels import handlers
from services.notifier.channels.channels import Kind, Serialization
from services.notifier.ports import Ports

_PATH = "/v2/notification/websocket"


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()

    async def info(grant: Grant, serialization: Serialization) -> WebSocketInfo:
        try:
            connected = await ports.ledger.is_served(grant.key_id)
            backlog = await ports.backlog(grant.key_id, grant.account)
        except Unavailable:
            return bodies.websocket_info(serialization, connected=None, waiting=None)
        return bodies.websocket_info(
            serialization, connected=connected, waiting=backlog.waiting
        )

    @router.put(
        _PATH,
        responses={
            201: {"model": WebSocketInfo, "description": "Made"},
            **words(400, 401, 403),
        },
        openapi_extra={"requestBody": bodies.WEBSOCKET_REQUEST},
    )
    async def put_websocket(
        request: Request, response: Response, grant: Annotated[Grant, caller]
    ) -> WebSocketInfo:
        """Have notifications delivered to a WebSocket that this key opens."""
        needs_writing(grant)
        serialization = bodies.parse_websocket(await read(request))
        made = await handlers.set_websocket(
            serialization, grant, stored=ports.stored, collect=ports.collect
        )
        response.status_code = 201 if made else 200
        return await info(grant, serialization)

    @router.get(_PATH, responses=words(401, 403, 404))
    async def get_websocket(grant: Annotated[Grant, caller]) -> WebSocketInfo:
        """Say whether the socket is open, and how much waits for it."""
        channel = found(
            await handlers.get_channel(grant, Kind.WEB_SOCKET, stored=ports.stored)
        )
        return await info(grant, channel.serialization)

    @router.delete(
        _PATH, status_code=204, response_class=Response, responses=words(401, 403, 404)
    )
    async def delete_websocket(grant: Annotated[Grant, caller]) -> Response:
        """Have nothing delivered any more; the socket is closed."""
        needs_writing(grant)
        if not await handlers.remove_channel(
            grant, Kind.WEB_SOCKET, stored=ports.stored
        ):
            found(None)
        return Response(status_code=204)

    return router
