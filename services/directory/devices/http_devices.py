"""The REST routes of devices."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends
from sqlalchemy import Row

from homeport import names
from homeport.names import AccountId, DeviceId
from homeport.store.sessions import SessionStore
from homeport.store.trust import Grant
from services.directory import bodies, handlers
from services.directory.answers import (
    Refused,
    empty,
    listed,
    looked_up,
    missing,
    needs_operator,
    parsed,
    shown,
)
from services.directory.catalog import DEVICES
from services.directory.credentials.trusted import DEVELOPER
from services.directory.devices.device_bodies import DeviceBody, DeviceChanges
from services.directory.devices.devices import State
from services.directory.devices.journal import Deed
from services.directory.ports import Ports

_PATH = "/v3/devices"
_ONE = f"{_PATH}/{{device_id}}"


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()
    _add_reading(router, ports, caller)
    _add_writing(router, ports, caller)
    return router


def _add_reading(router: APIRouter, ports: Ports, caller: Depends) -> None:
    catalog, sessions = ports.catalog, ports.sessions

    @router.get(_PATH, **bodies.describe_list(DEVICES.fields))
    async def list_devices(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List the devices of this account."""
        return await listed(request, grant, catalog, DEVICES)

    @router.get(_ONE, **bodies.describe(DEVICES.fields))
    async def get_device(device_id: str, grant: Annotated[Grant, caller]) -> Response:
        """Return a device; one that has just registered is waited for."""
        device = names.parse_device_id(device_id)
        found = await handlers.find(
            lambda: catalog.get(DEVICES, grant.account, device),
            lives=lambda: _lives(sessions, grant.account, device),
        )
        return shown(DEVICES, found)


def _add_writing(router: APIRouter, ports: Ports, caller: Depends) -> None:
    catalog, inventory = ports.catalog, ports.inventory

    @router.post(
        _PATH, **bodies.describe(DEVICES.fields, status=201, request=DeviceBody)
    )
    async def create_device(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Record a device before it comes."""
        needs_operator(grant)
        body = await parsed(request, DeviceBody)
        now = datetime.now(UTC)
        device = await inventory.create(grant.account, body.given(), now=now)
        return await looked_up(grant, catalog, DEVICES, device, status=201)

    @router.put(_ONE, **bodies.describe(DEVICES.fields, request=DeviceChanges))
    async def update_device(
        device_id: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Change what is said of a device; what is not given stays."""
        needs_operator(grant)
        device = names.parse_device_id(device_id)
        body = await parsed(request, DeviceChanges)
        await inventory.change(
            grant.account,
            device,
            lambda _: body.given(),
            deed=Deed.UPDATED,
            now=datetime.now(UTC),
        )
        return await looked_up(grant, catalog, DEVICES, device)

    @router.delete(_ONE, **bodies.describe_nothing())
    async def delete_device(
        device_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Delete a developer's device, or one that has never come."""
        needs_operator(grant)
        deleted = await inventory.delete(
            grant.account,
            names.parse_device_id(device_id),
            _check_deletable,
            revision=await ports.standing.moment(),
            now=datetime.now(UTC),
        )
        await ports.projection.settle()
        if not deleted:
            raise missing()
        return empty()


def _check_deletable(row: Row[Any]) -> None:
    """Refuse to delete a device that has come with credentials from production."""
    if row.device_execution_mode != DEVELOPER and row.state != State.UNENROLLED:
        raise Refused(400, "bad_request", "only a device of a developer can be deleted")


async def _lives(sessions: SessionStore, account: AccountId, device: DeviceId) -> bool:
    (session,) = await sessions.read([device])
    return session is not None and session.account == account
