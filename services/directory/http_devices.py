"""The REST routes of devices and of what happened to them."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends

from homeport import names
from homeport.names import AccountId, DeviceId
from homeport.store.sessions import SessionStore
from homeport.store.trust import Grant
from services.directory import bodies, handlers
from services.directory.answers import listed, parse_id, shown
from services.directory.catalog import DEVICE_EVENTS, DEVICES
from services.directory.ports import Ports


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()
    catalog, sessions = ports.catalog, ports.sessions

    @router.get("/v3/devices", **bodies.describe_list(DEVICES.fields))
    async def list_devices(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List the devices of this account."""
        return await listed(request, grant, catalog, DEVICES)

    @router.get("/v3/devices/{device_id}", **bodies.describe(DEVICES.fields))
    async def get_device(device_id: str, grant: Annotated[Grant, caller]) -> Response:
        """Return a device; one that has just registered is waited for."""
        device = names.parse_device_id(device_id)
        found = await handlers.find(
            lambda: catalog.get(DEVICES, grant.account, device),
            lives=lambda: _lives(sessions, grant.account, device),
        )
        return shown(DEVICES, found)

    @router.get("/v3/devicelog", include_in_schema=False)
    @router.get("/v3/device-events", **bodies.describe_list(DEVICE_EVENTS.fields))
    async def list_device_events(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List what happened to the devices of this account."""
        return await listed(request, grant, catalog, DEVICE_EVENTS)

    @router.get("/v3/devicelog/{device_event_id}", include_in_schema=False)
    @router.get(
        "/v3/device-events/{device_event_id}", **bodies.describe(DEVICE_EVENTS.fields)
    )
    async def get_device_event(
        device_event_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Return one thing that happened to a device."""
        event = parse_id("device event id", device_event_id)
        found = await catalog.get(DEVICE_EVENTS, grant.account, event)
        return shown(DEVICE_EVENTS, found)

    return router


async def _lives(sessions: SessionStore, account: AccountId, device: DeviceId) -> bool:
    (session,) = await sessions.read([device])
    return session is not None and session.account == account
