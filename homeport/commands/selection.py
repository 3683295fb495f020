"""How a command is told which objects are meant."""

from collections.abc import Iterable
from typing import Annotated

import typer

from homeport import names
from homeport.client import AsyncClient, Client
from homeport.client.devices import Device
from homeport.client.queries import Asked
from homeport.client.records import Page
from homeport.errors import InvalidConfiguration, InvalidName

Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FIELD=VALUE",
        help="A filter of the API: name=a, state__in=a,b, created_at__gte=2026-01-31…",
    ),
]
Limit = Annotated[int, typer.Option(min=1, help="Show so many at most.")]
Newest = Annotated[bool, typer.Option("--newest", help="The newest first.")]
Chosen = Annotated[
    str, typer.Argument(metavar="DEVICE", help="Its id, or its endpoint name.")
]


def parse_where(filters: Iterable[str]) -> dict[str, Asked]:
    """Parse what ``--where`` was given; raise InvalidConfiguration."""
    asked: dict[str, Asked] = {}
    for each in filters:
        name, equals, value = each.partition("=")
        if not name or not equals:
            raise InvalidConfiguration(f"--where {each}", "is not FIELD=VALUE")
        asked[name] = value
    return asked


def find_device(client: Client, chosen: str) -> str:
    """Return the id of a device; raise InvalidConfiguration where there is none."""
    try:
        return names.parse_device_id(chosen)
    except InvalidName:
        named = client.devices.list(endpoint_name=chosen, limit=2)
        return _first(named.page(), chosen)


async def await_device(client: AsyncClient, chosen: str) -> str:
    """Return what `find_device` does, with a client that is awaited."""
    try:
        return names.parse_device_id(chosen)
    except InvalidName:
        named = client.devices.list(endpoint_name=chosen, limit=2)
        return _first(await named.page(), chosen)


def _first(page: Page[Device], chosen: str) -> str:
    for device in page.data:
        return device.id
    raise InvalidConfiguration(f"device {chosen!r}", "is none of this account")
