"""The REST routes of what devices have, as they have told it (R-94, R-95)."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Response
from fastapi.params import Depends
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from homeport.names import AccountId
from homeport.store.trust import Grant
from services.notifier.answers import Refused, device, words
from services.notifier.channels.messages import media_types
from services.notifier.device_requests.requests import NotAsked
from services.notifier.device_requests.structures import Structure
from services.notifier.ports import Ports


class EndpointInfo(BaseModel):
    """A device that is registered."""

    name: str = Field(description="Its id.")
    type: str
    status: str = Field(description="ACTIVE")
    q: bool = Field(description="Whether it sleeps.")


class ResourceInfo(BaseModel):
    """A resource, or what else a device lists."""

    uri: str
    rt: str
    obs: bool
    type: str = Field(description="Its content type.")


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()

    @router.get(
        "/v2/endpoints",
        responses={200: {"model": list[EndpointInfo]}, **words(401, 403)},
        response_class=StreamingResponse,
    )
    async def list_endpoints(
        grant: Annotated[Grant, caller],
        type: str = "",  # noqa: A002 # the parameter's published name
    ) -> Response:
        """List the registered devices of this account, or those of a type."""
        return StreamingResponse(
            _listed(ports, grant.account, type), media_type="application/json"
        )

    @router.get("/v2/endpoints/{device_id}", responses=words(401, 403, 404))
    async def list_resources(
        device_id: str, grant: Annotated[Grant, caller]
    ) -> list[ResourceInfo]:
        """List what a registered device has; it is not asked for that."""
        try:
            session = await ports.requests.session(grant.account, device(device_id))
        except NotAsked as error:
            raise Refused(404, "DEVICE_NOT_FOUND") from error
        return [_resource(each) for each in Structure(session.resources).entries]

    return router


async def _listed(
    ports: Ports, account: AccountId, endpoint_type: str
) -> AsyncIterator[bytes]:
    """Build a JSON array, page after page: an account may have a million devices."""
    before = b"["
    async for page in ports.endpoints.registered(account, endpoint_type):
        shown = [
            {
                "name": each.device,
                "type": each.endpoint_type,
                "status": "ACTIVE",
                "q": each.queue_mode,
            }
            for each in page
        ]
        yield before + orjson.dumps(shown)[1:-1]
        before = b","
    yield b"]" if before == b"," else b"[]"


def _resource(entry: Any) -> ResourceInfo:
    return ResourceInfo(
        uri=entry["path"],
        rt=entry.get("rt", ""),
        obs=entry.get("obs", False),
        type=media_types(entry.get("ct", "")),
    )
