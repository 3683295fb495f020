"""The REST routes of what happened to devices."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends

from homeport.store.trust import Grant
from services.directory import bodies
from services.directory.answers import listed, looked_up, parse_id
from services.directory.catalog import DEVICE_EVENTS
from services.directory.ports import Ports

_PATH = "/v3/device-events"
_ALIAS = "/v3/devicelog"


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()
    catalog = ports.catalog

    @router.get(_ALIAS, include_in_schema=False)
    @router.get(_PATH, **bodies.describe_list(DEVICE_EVENTS.fields))
    async def list_device_events(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List what happened to the devices of this account."""
        return await listed(request, grant, catalog, DEVICE_EVENTS)

    @router.get(f"{_ALIAS}/{{device_event_id}}", include_in_schema=False)
    @router.get(f"{_PATH}/{{device_event_id}}", **bodies.describe(DEVICE_EVENTS.fields))
    async def get_device_event(
        device_event_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Return one thing that happened to a device."""
        event = parse_id("device event id", device_event_id)
        return await looked_up(grant, catalog, DEVICE_EVENTS, event)

    return router
