"""The REST routes that keep devices out for a while, and let them come again."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends
from sqlalchemy import Row

from homeport import names
from homeport.store.trust import Grant
from services.directory import bodies
from services.directory.answers import (
    empty,
    json,
    missing,
    needs_operator,
    parsed,
)
from services.directory.devices import suspensions
from services.directory.devices.device_bodies import Suspension
from services.directory.devices.journal import Deed
from services.directory.devices.suspensions import CATEGORIES, CATEGORY_SCHEMA
from services.directory.ports import Ports

_DEVICE = "/v3/devices/{device_id}"
_CATEGORIES = "/v3/device-block-categories"


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()
    _add_suspensions(router, ports, caller)
    _add_categories(router, caller)
    return router


def _add_suspensions(router: APIRouter, ports: Ports, caller: Depends) -> None:
    described = bodies.describe_nothing(request=Suspension)

    @router.post(f"{_DEVICE}/suspend", **described)
    async def suspend_device(
        device_id: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """End a device's registration and refuse it until it is resumed."""
        needs_operator(grant)
        said, now = await parsed(request, Suspension), datetime.now(UTC)
        return await _change(
            ports,
            grant,
            device_id,
            lambda _: suspensions.suspended(said, now=now),
            deed=Deed.SUSPENDED,
            now=now,
        )

    @router.post(f"{_DEVICE}/resume", **described)
    async def resume_device(
        device_id: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Let a device come again; the category is that of its suspension."""
        needs_operator(grant)
        said, now = await parsed(request, Suspension), datetime.now(UTC)
        return await _change(
            ports,
            grant,
            device_id,
            lambda row: suspensions.resumed(row, said, now=now),
            deed=Deed.RESUMED,
            now=now,
        )


def _add_categories(router: APIRouter, caller: Depends) -> None:
    listed = bodies.described(
        {
            "type": "object",
            "properties": {
                "object": {"const": "list"},
                "data": {"type": "array", "items": CATEGORY_SCHEMA},
            },
        }
    )

    @router.get(_CATEGORIES, **listed)
    async def list_device_block_categories(
        grant: Annotated[Grant, caller],  # noqa: ARG001 # only who calls counts
    ) -> Response:
        """List why devices may be suspended; there is one page (R-19)."""
        return json(
            {
                "object": "list",
                "data": list(CATEGORIES.values()),
                "limit": len(CATEGORIES),
                "order": "ASC",
                "after": None,
                "has_more": False,
                "total_count": len(CATEGORIES),
            }
        )

    @router.get(f"{_CATEGORIES}/{{reference}}", **bodies.described(CATEGORY_SCHEMA))
    async def get_device_block_category(
        reference: str,
        grant: Annotated[Grant, caller],  # noqa: ARG001 # only who calls counts
    ) -> Response:
        """Return one reason why devices may be suspended."""
        if reference not in CATEGORIES:
            raise missing()
        return json(CATEGORIES[reference])


async def _change(
    ports: Ports,
    grant: Grant,
    device_id: str,
    change: Callable[[Row[Any]], Mapping[str, Any]],
    *,
    deed: Deed,
    now: datetime,
) -> Response:
    device = names.parse_device_id(device_id)
    done = await ports.inventory.change(
        grant.account, device, change, deed=deed, now=now
    )
    await ports.projection.settle()
    if not done:
        raise missing()
    return empty()
