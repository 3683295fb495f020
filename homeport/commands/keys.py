"""``homeport keys``: the API keys of an account."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from homeport.client import Client
from homeport.client.accounts import ApiKey, Role
from homeport.commands import output
from homeport.commands.access import with_client
from homeport.commands.output import AsJson
from homeport.commands.selection import Limit

cli = typer.Typer(
    name="keys",
    help="List, make and delete API keys; needs an administrator's.",
    no_args_is_help=True,
)


def last_used(key: ApiKey) -> datetime | None:
    """Return when a key was last used, if it ever was."""
    used = key.last_login_time
    return datetime.fromtimestamp(used / 1000, UTC) if used else None


COLUMNS: output.Columns[ApiKey] = {
    "id": lambda key: key.id,
    "name": lambda key: key.name,
    "role": lambda key: key.role,
    "status": lambda key: key.status,
    "created": lambda key: key.created_at,
    "last used": last_used,
}


@cli.command(name="list")
@with_client
def show_all(client: Client, *, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List keys, without what is secret of them."""
    listing = client.api_keys.list(limit=output.page_limit(limit))
    output.show(listing, COLUMNS, limit=limit, as_json=as_json)


@cli.command()
@with_client
def create(
    client: Client,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    *,
    role: Annotated[
        Role,
        typer.Option(
            help="A reader changes nothing, an operator no keys and certificates."
        ),
    ] = "operator",
    as_json: AsJson = False,
) -> None:
    """Make a key and print it: it is shown this once."""
    made = client.api_keys.create(name, role=role)
    if as_json:
        output.print_json(made)
    else:
        typer.echo(made.key)


@cli.command()
@with_client
def delete(
    client: Client, key_id: Annotated[str, typer.Argument(metavar="ID", help="Its id.")]
) -> None:
    """Delete a key, which is refused from now on; its channel ends."""
    client.api_keys.delete(key_id)
    typer.echo(f"{key_id} is deleted")
