"""The REST routes of groups of devices (R-39 .. R-43)."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends

from homeport.names import AccountId, DeviceId
from homeport.store.trust import Grant
from services.directory import bodies
from services.directory.answers import (
    empty,
    listed,
    looked_up,
    missing,
    needs_operator,
    parse_id,
    parsed,
)
from services.directory.catalog import DEVICES, GROUPS
from services.directory.devices import groups
from services.directory.devices.group_bodies import GroupBody, GroupChanges, MemberBody
from services.directory.ports import Ports

_PATH = "/v3/device-groups"
_ONE = f"{_PATH}/{{group_id}}"

Move = Callable[[AccountId, str, DeviceId], Awaitable[bool]]


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()
    _add_reading(router, ports, caller)
    _add_writing(router, ports, caller)
    _add_members(router, ports, caller)
    return router


def _add_reading(router: APIRouter, ports: Ports, caller: Depends) -> None:
    catalog = ports.catalog

    @router.get(_PATH, **bodies.describe_list(GROUPS.fields))
    async def list_device_groups(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List the groups of this account."""
        return await listed(request, grant, catalog, GROUPS)

    @router.get(_ONE, **bodies.describe(GROUPS.fields))
    async def get_device_group(
        group_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Return a group."""
        group = parse_id("group id", group_id)
        return await looked_up(grant, catalog, GROUPS, group)


def _add_writing(router: APIRouter, ports: Ports, caller: Depends) -> None:
    catalog, stored = ports.catalog, ports.groups

    @router.post(_PATH, **bodies.describe(GROUPS.fields, status=201, request=GroupBody))
    async def create_device_group(
        request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Make a group without devices."""
        needs_operator(grant)
        body, now = await parsed(request, GroupBody), datetime.now(UTC)
        group = await stored.create(grant.account, body.given(), now=now)
        return await looked_up(grant, catalog, GROUPS, group, status=201)

    @router.put(_ONE, **bodies.describe(GROUPS.fields, request=GroupChanges))
    async def update_device_group(
        group_id: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Change what is said of a group; what is not given stays."""
        needs_operator(grant)
        group = parse_id("group id", group_id)
        body, now = await parsed(request, GroupChanges), datetime.now(UTC)
        await stored.change(grant.account, group, body.given(), now=now)
        return await looked_up(grant, catalog, GROUPS, group)

    @router.delete(_ONE, **bodies.describe_nothing())
    async def delete_device_group(
        group_id: str, grant: Annotated[Grant, caller]
    ) -> Response:
        """Delete a group; its devices stay (R-43)."""
        needs_operator(grant)
        group = parse_id("group id", group_id)
        if not await ports.members.dissolve(grant.account, group):
            raise missing()
        await ports.projection.settle()
        return empty()


def _add_members(router: APIRouter, ports: Ports, caller: Depends) -> None:
    catalog, members = ports.catalog, ports.members
    described = bodies.describe_nothing(request=MemberBody)

    @router.get(f"{_ONE}/devices", **bodies.describe_list(DEVICES.fields))
    async def list_devices_of_group(
        group_id: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """List the devices of a group, with all filters of devices."""
        group = parse_id("group id", group_id)
        if await catalog.get(GROUPS, grant.account, group) is None:
            raise missing()
        among = groups.within(grant.account, group)
        return await listed(request, grant, catalog, DEVICES, among=among)

    @router.post(f"{_ONE}/devices/add", **described)
    async def add_device_to_group(
        group_id: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Put a device into a group; it may be there already."""
        return await _move(ports, members.add, group_id, request, grant)

    @router.post(f"{_ONE}/devices/remove", **described)
    async def remove_device_from_group(
        group_id: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Take a device out of a group; it need not be there."""
        return await _move(ports, members.remove, group_id, request, grant)


async def _move(
    ports: Ports, move: Move, group_id: str, request: Request, grant: Grant
) -> Response:
    needs_operator(grant)
    group = parse_id("group id", group_id)
    body = await parsed(request, MemberBody)
    moved = await move(grant.account, group, body.device_id)
    await ports.projection.settle()
    if not moved:
        raise missing()
    return empty()
