"""``homeport accounts``: the accounts of a platform, for its operator."""

from typing import Annotated

import typer

from homeport.client import Client
from homeport.client.accounts import Role
from homeport.client.platform import AccountSettings, ManagedAccount, UnclaimedDevice
from homeport.commands import output
from homeport.commands.access import with_operators_client
from homeport.commands.output import AsJson
from homeport.commands.selection import Limit

cli = typer.Typer(
    name="accounts",
    help="Make and change accounts; needs a key of the platform's operator.",
    no_args_is_help=True,
)

AccountId = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Its id.")]
Direct = Annotated[
    bool | None,
    typer.Option(
        "--direct/--no-direct",
        help="Let devices register with credentials from their factory.",
    ),
]
Limited = Annotated[
    list[str] | None,
    typer.Option(
        "--limit-of",
        metavar="WHAT=NUMBER",
        help="api-keys, developer-certificates or devices; without a number, no limit.",
    ),
]

COLUMNS: output.Columns[ManagedAccount] = {
    "id": lambda account: account.id,
    "name": lambda account: account.name,
    "direct": lambda account: account.direct_registration,
    "keys": lambda account: account.api_key_limit,
    "developer certificates": lambda account: account.developer_certificate_limit,
    "devices": lambda account: account.device_limit,
    "created": lambda account: account.created_at,
}
UNCLAIMED_COLUMNS: output.Columns[UnclaimedDevice] = {
    "endpoint name": lambda device: device.endpoint_name,
    "enrollment identity": lambda device: device.enrollment_identity,
    "first seen": lambda device: device.first_seen_at,
    "last seen": lambda device: device.last_seen_at,
    "reason": lambda device: device.reason,
}


def parse_settings(limits: list[str] | None, *, direct: bool | None) -> AccountSettings:
    """Parse what was said of an account; raise typer.BadParameter."""
    said = AccountSettings()
    if direct is not None:
        said["direct_registration"] = direct
    for each in limits or ():
        name, _, text = each.partition("=")
        if text and not text.isdecimal():
            raise typer.BadParameter(f"{text!r} is no number", param_hint="--limit-of")
        number = int(text) if text else None
        match name:
            case "api-keys":
                said["api_key_limit"] = number
            case "developer-certificates":
                said["developer_certificate_limit"] = number
            case "devices":
                said["device_limit"] = number
            case _:
                raise typer.BadParameter(
                    f"{name!r} has no limit", param_hint="--limit-of"
                )
    return said


@cli.command(name="list")
@with_operators_client
def show_all(client: Client, *, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List accounts."""
    listing = client.platform.accounts(limit=output.page_limit(limit))
    output.show(listing, COLUMNS, limit=limit, as_json=as_json)


@cli.command()
@with_operators_client
def show(client: Client, account: AccountId, *, as_json: AsJson = False) -> None:
    """Show an account."""
    found = client.platform.account(account)
    output.show([found], COLUMNS, limit=1, as_json=as_json)


@cli.command()
@with_operators_client
def create(
    client: Client,
    name: Annotated[str, typer.Argument(help="What it is called.")],
    *,
    direct: Direct = None,
    limit_of: Limited = None,
    as_json: AsJson = False,
) -> None:
    """Make an account; print its id and a key, which is shown this once."""
    settings = parse_settings(limit_of, direct=direct)
    made = client.platform.create_account(name, **settings)
    if as_json:
        output.print_json(made)
    else:
        typer.echo(f"{made.id} {made.api_key}")


@cli.command()
@with_operators_client
def change(
    client: Client,
    account: AccountId,
    *,
    direct: Direct = None,
    limit_of: Limited = None,
    as_json: AsJson = False,
) -> None:
    """Change an account; what is not given stays."""
    settings = parse_settings(limit_of, direct=direct)
    changed = client.platform.update_account(account, **settings)
    output.show([changed], COLUMNS, limit=1, as_json=as_json)


@cli.command(name="add-key")
@with_operators_client
def add_key(
    client: Client,
    account: AccountId,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    *,
    role: Annotated[Role, typer.Option(help="What it may do.")] = "administrator",
) -> None:
    """Make a key of an account that has lost its own; print it this once."""
    typer.echo(client.platform.create_api_key(account, name, role=role).key)


@cli.command(name="delete-device")
@with_operators_client
def delete_device(
    client: Client,
    account: AccountId,
    device: Annotated[str, typer.Argument(help="Its id.")],
) -> None:
    """Delete any device of an account; one of production may come again."""
    client.platform.delete_device(account, device)
    typer.echo(f"{device} is deleted")


@cli.command()
@with_operators_client
def unclaimed(client: Client, *, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List devices that were refused since no account has claimed them."""
    listing = client.platform.unclaimed_devices(limit=output.page_limit(limit))
    output.show(listing, UNCLAIMED_COLUMNS, limit=limit, as_json=as_json)
