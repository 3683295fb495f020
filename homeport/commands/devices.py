"""``homeport devices``: find devices, claim them, keep them out, let them in again."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Annotated

import typer
from rich.live import Live

from homeport.client import Client
from homeport.client.devices import Device
from homeport.client.methods import Listing
from homeport.client.queries import Asked
from homeport.commands import output
from homeport.commands.access import with_client
from homeport.commands.claims import claim, show_claims
from homeport.commands.output import AsJson
from homeport.commands.selection import (
    Chosen,
    Limit,
    Newest,
    Where,
    find_device,
    parse_where,
)

cli = typer.Typer(
    name="devices",
    help="Find devices, claim them, keep them out and let them in again.",
    no_args_is_help=True,
)

State = Annotated[
    str | None,
    typer.Option(help="Only those that are registered, deregistered, bootstrapped …"),
]
Group = Annotated[
    str | None, typer.Option(metavar="ID", help="Only those of this group.")
]
Category = Annotated[str, typer.Option(help="Why: maintenance or lost_or_stolen.")]
Why = Annotated[str, typer.Option("--description", help="Why, in a few words.")]


def condition(device: Device) -> str:
    """Say how a device is, in a word or two."""
    return f"{device.state}, suspended" if device.operator_suspended else device.state


COLUMNS: output.Columns[Device] = {
    "id": lambda device: device.id,
    "name": lambda device: device.endpoint_name or device.name,
    "state": condition,
    "updated": lambda device: device.updated_at,
}


@cli.command(name="list")
@with_client
def show_all(
    client: Client,
    *,
    where: Where = None,
    state: State = None,
    group: Group = None,
    newest: Newest = False,
    limit: Limit = 50,
    count: Annotated[
        bool, typer.Option("--count", help="Only say how many there are.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List devices."""
    listing = _listing(client, where, state, group, newest=newest, limit=limit)
    if count:
        typer.echo(listing.count())
        return
    output.show(listing, COLUMNS, limit=limit, as_json=as_json)


@cli.command()
@with_client
def show(client: Client, device: Chosen, *, as_json: AsJson = False) -> None:
    """Show everything that is known of a device."""
    found = client.devices.get(find_device(client, device))
    if as_json:
        output.print_json(found)
    else:
        output.print_members(found)


@cli.command()
@with_client
def watch(
    client: Client,
    *,
    where: Where = None,
    state: State = None,
    group: Group = None,
    limit: Limit = 50,
    seconds: Annotated[
        float, typer.Option(min=0.1, help="Look again after so long.")
    ] = 2.0,
    as_json: AsJson = False,
) -> None:
    """Show devices as they are, and again when they change; Ctrl-C ends it."""
    listing = _listing(client, where, state, group, limit=limit)

    def looks() -> Iterator[list[Device]]:
        while True:
            yield list(islice(listing, limit))
            time.sleep(seconds)

    screen = output.console()
    with suppress(KeyboardInterrupt):
        if as_json or not screen.is_terminal:
            for device in changed(looks()):
                output.print_json(device)
        else:
            with Live(console=screen, auto_refresh=False) as live:
                for found in looks():
                    live.update(output.build_table(found, COLUMNS), refresh=True)


@cli.command()
@with_client
def suspend(
    client: Client, device: Chosen, *, category: Category = "maintenance", why: Why = ""
) -> None:
    """End a device's registration and keep it out until it is resumed."""
    identity = find_device(client, device)
    client.devices.suspend(identity, category=category, description=why)
    typer.echo(f"{identity} is suspended")


@cli.command()
@with_client
def resume(
    client: Client,
    device: Chosen,
    *,
    category: Annotated[
        str | None, typer.Option(help="That of the suspension.")
    ] = None,
    why: Why = "",
) -> None:
    """Let a suspended device come again."""
    found = client.devices.get(find_device(client, device))
    given = category or found.last_operator_suspended_category or "maintenance"
    client.devices.resume(found.id, category=given, description=why)
    typer.echo(f"{found.id} may come again")


@cli.command()
@with_client
def delete(client: Client, device: Chosen) -> None:
    """Delete a developer's device, or one that has never come."""
    identity = find_device(client, device)
    client.devices.delete(identity)
    typer.echo(f"{identity} is deleted")


cli.command()(claim)
cli.command(name="claims")(show_claims)


def changed(looks: Iterable[Iterable[Device]]) -> Iterator[Device]:
    """Yield each device that is not as it was in the look before."""
    before: Mapping[str, Device] = {}
    for look in looks:
        now = {device.id: device for device in look}
        yield from (each for each in now.values() if before.get(each.id) != each)
        before = now


def _listing(
    client: Client,
    where: list[str] | None,
    state: str | None,
    group: str | None,
    *,
    newest: bool = False,
    limit: int,
) -> Listing[Device]:
    """Return the devices that are meant; pages have one more than ``limit``."""
    asked: dict[str, Asked] = parse_where(where or ())
    if state is not None:
        asked["state"] = state
    if newest:
        asked["order"] = "DESC"
    asked["limit"] = output.page_limit(limit)
    if group is not None:
        return client.groups.devices(group, **asked)
    return client.devices.list(**asked)
