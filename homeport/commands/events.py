"""``homeport events``: what happened to devices, and what happens just now."""

import asyncio
from contextlib import suppress
from typing import Annotated

import typer

from homeport.ca import ReadyFile, Url
from homeport.client import Client
from homeport.client.events import DeviceEvent
from homeport.client.queries import Asked
from homeport.commands import output
from homeport.commands.access import (
    Ca,
    Data,
    Key,
    NatsUrl,
    find_nats,
    open_client,
    with_client,
)
from homeport.commands.output import AsJson
from homeport.commands.selection import Limit, Where, find_device, parse_where
from homeport.events.facts import FactName
from homeport.names import AccountId

cli = typer.Typer(
    name="events",
    help="What happened to devices, and what happens just now.",
    no_args_is_help=True,
)

COLUMNS: output.Columns[DeviceEvent] = {
    "time": lambda event: event.date_time,
    "device": lambda event: event.data.get("endpoint_name") or event.device_id,
    "event": lambda event: event.event_type.rpartition(".")[2],
    "description": lambda event: event.description,
}


@cli.command(name="list")
@with_client
def show_all(
    client: Client,
    *,
    device: Annotated[
        str | None, typer.Option(help="Only of this one: its id or endpoint name.")
    ] = None,
    where: Where = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List what happened, the newest first."""
    asked: dict[str, Asked] = {"order": "DESC", **parse_where(where or ())}
    if device is not None:
        asked["device_id"] = find_device(client, device)
    listing = client.events.list(**asked, limit=output.page_limit(limit))
    output.show(listing, COLUMNS, limit=limit, as_json=as_json)


@cli.command()
def tail(
    *,
    fact: Annotated[
        list[FactName] | None, typer.Option(help="Only facts of this kind.")
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(help="Only of this one: its id or endpoint name."),
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="End after so many.", show_default="never")
    ] = None,
    as_json: AsJson = False,
    nats_url: NatsUrl = None,
    api: Url = None,
    key: Key = None,
    ca: Ca = None,
    data: Data = None,
    ready_file: ReadyFile = None,
) -> None:
    """Show what happens from now on to the devices of an account; Ctrl-C ends it.

    The API says which account the key is of; NATS tells what happens.
    """
    from homeport.commands.tail import Wanted, follow  # noqa: PLC0415 # loads much

    url = find_nats(nats_url, data, ready_file)
    options = {"ca": ca, "data": data, "ready_file": ready_file}
    with open_client(api=api, key=key, **options) as client:
        account = AccountId(client.accounts.me().id)
    wanted = Wanted(account, frozenset(fact or ()), frozenset(device or ()))
    with suppress(KeyboardInterrupt):
        asyncio.run(follow(url, wanted, count=count, as_json=as_json))
