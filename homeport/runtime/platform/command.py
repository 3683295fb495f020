"""``homeport up``, as the command line has it."""

from pathlib import Path
from typing import Annotated

import typer

from homeport.runtime.platform import folder
from homeport.runtime.platform.plan import Options, Ports, parse_scale


def up(
    *,
    data: Annotated[
        Path,
        typer.Option(
            help="The folder that holds everything.",
            show_default="/var/lib/homeport for root, else the user's data folder",
        ),
    ] = folder.default(),  # noqa: B008 # the same for the whole process
    host: Annotated[
        str, typer.Option(help="The address that devices and applications reach.")
    ] = "127.0.0.1",
    ports: Annotated[
        Ports,
        typer.Option(help="All free ones, or 5684, 5784 (CoAPS) and 8080 (API)."),
    ] = Ports.WELL_KNOWN,
    nosec: Annotated[
        bool,
        typer.Option(
            "--nosec", help="Open the plain CoAP ports, without any security."
        ),
    ] = False,
    https: Annotated[
        bool,
        typer.Option(
            "--https",
            help="Serve the API over TLS as well, with a certificate of its own CA.",
        ),
    ] = False,
    devices: Annotated[
        int, typer.Option(min=0, help="Run a simulated fleet of so many devices.")
    ] = 0,
    scale: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=N", help="Run N processes of a service."),
    ] = None,
    ready_file: Annotated[
        Path | None,
        typer.Option(help="Write where everything is to this file once it serves."),
    ] = None,
    redis_url: Annotated[
        str | None,
        typer.Option(envvar="HOMEPORT_REDIS_URL", help="Use this Redis or Valkey."),
    ] = None,
    nats_url: Annotated[
        str | None,
        typer.Option(envvar="HOMEPORT_NATS_URL", help="Use this NATS server."),
    ] = None,
    postgres_url: Annotated[
        str | None,
        typer.Option(envvar="HOMEPORT_POSTGRES_URL", help="Use this PostgreSQL."),
    ] = None,
    account_id: Annotated[
        str | None,
        typer.Option(
            envvar="HOMEPORT_DEFAULT_ACCOUNT_ID",
            help="The default account; made up at the first start.",
        ),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="HOMEPORT_DEFAULT_API_KEY",
            help="Its first API key; made up at the first start.",
        ),
    ] = None,
    secret_key: Annotated[
        str | None,
        typer.Option(
            envvar="HOMEPORT_SECRET_KEY",
            help="Seals what is stored; made up at the first start.",
        ),
    ] = None,
    platform_api_key: Annotated[
        str | None,
        typer.Option(
            envvar="HOMEPORT_PLATFORM_API_KEY",
            help="A key of the platform's operator; made up at the first start.",
        ),
    ] = None,
) -> None:
    """Start the whole system on this machine; Ctrl-C stops it."""
    options = Options(
        data=data,
        host=host,
        ports=ports,
        nosec=nosec,
        https=https,
        devices=devices,
        scale=parse_scale(scale or ()),
        ready_file=ready_file,
        redis_url=redis_url,
        nats_url=nats_url,
        postgres_url=postgres_url,
        account_id=account_id,
        api_key=api_key,
        secret_key=secret_key,
        platform_api_key=platform_api_key,
    )
    from homeport.runtime.platform.up import up as start  # noqa: PLC0415 # loads much

    start(options)
